// supabase-js against a running tower: signs in, verifies the token by the published keys, goes on,
// changes the password, signs out. Prints one line a step; ends with 1 at the first surprise.
// GWANJE_URL, GWANJE_EMAIL, GWANJE_PASSWORD
import assert from 'node:assert/strict';
import { createClient } from '@supabase/supabase-js';

const { GWANJE_URL: url, GWANJE_EMAIL: email, GWANJE_PASSWORD: password } = process.env;
const client = () =>
  createClient(url, 'public-anon-key', {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} },
  });
const ok = ({ data, error }) => {
  assert.equal(error, null, error?.message);
  return data;
};
const refused = (answer, status, code) => {
  assert.ok(answer.error, 'it was not refused');
  assert.equal(answer.error.status, status, answer.error.message);
  assert.equal(answer.error.code, code, answer.error.message);
  return answer.error;
};
const devices = (token) =>
  fetch(`${url}/api/v1/devices`, { headers: { authorization: `Bearer ${token}` } });
const said = (step) => console.log(step);

const one = client();
refused(await one.auth.signInWithPassword({ email, password: 'a wrong one' }), 400, 'invalid_credentials');
refused(
  await one.auth.signInWithPassword({ email: 'nobody@example.kr', password }),
  400,
  'invalid_credentials',
);
said('wrong passwords are refused alike');

const { session, user } = ok(await one.auth.signInWithPassword({ email: email.toUpperCase(), password }));
assert.equal(user.email, email);
assert.equal(user.aud, 'authenticated');
assert.equal(session.token_type, 'bearer');
assert.ok(session.expires_at > Date.now() / 1000);
assert.equal((await devices(session.access_token)).status, 200);
said('signed in');

// Verified here by the keys that the tower publishes, not by asking it.
const { claims, header } = ok(await one.auth.getClaims());
assert.equal(header.alg, 'ES256');
assert.equal(claims.sub, user.id);
assert.equal(claims.iss, `${url}/auth/v1`);
assert.equal(claims.role, 'authenticated');
said('the token is verified by the published keys');

assert.equal(ok(await one.auth.getUser()).user.id, user.id);
const renewed = ok(await one.auth.refreshSession()).session;
assert.notEqual(renewed.refresh_token, session.refresh_token);
assert.equal((await devices(renewed.access_token)).status, 200);
said('gone on with the session');

const updated = ok(await one.auth.updateUser({ data: { language: 'ko' } })).user;
assert.equal(updated.user_metadata.language, 'ko');
refused(await one.auth.updateUser({ password: 'short', current_password: password }), 422, 'weak_password');
said('the account is changed, a weak password is not taken');

// The answer to the first renewal was used: whoever brings the old token has a copy.
const again = ok(await one.auth.refreshSession()).session;
const thief = client();
const stolen = await thief.auth.refreshSession({ refresh_token: session.refresh_token });
refused(stolen, 400, 'refresh_token_already_used');
assert.equal((await devices(again.access_token)).status, 401);
said('a copied refresh token ends the session');

const [two, three] = [client(), client()];
const second = ok(await two.auth.signInWithPassword({ email, password })).session;
const third = ok(await three.auth.signInWithPassword({ email, password })).session;
ok(await two.auth.signOut({ scope: 'others' }));
assert.equal((await devices(third.access_token)).status, 401);
assert.equal((await devices(second.access_token)).status, 200);
ok(await two.auth.signOut());
assert.equal((await devices(second.access_token)).status, 401);
refused(
  await client().auth.refreshSession({ refresh_token: second.refresh_token }),
  400,
  'session_expired',
);
said('signed out: here, elsewhere, for good');
