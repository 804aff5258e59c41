// The same assertions by supabase-js against the tower and against @supabase/lite, which is neither ours
// nor made from the same text: what both offer must answer alike. Ends with 1 at the first surprise.
// GWANJE_URL, GWANJE_EMAIL, GWANJE_PASSWORD: an account of the tower; LITE_DIR: a directory to use.
import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createClient } from '@supabase/supabase-js';

const { GWANJE_URL, GWANJE_EMAIL: email, GWANJE_PASSWORD: password, LITE_DIR: dir } = process.env;
const lite = fileURLToPath(new URL('node_modules/.bin/lite', import.meta.url));
const wait = (ms) => new Promise((done) => setTimeout(done, ms));

async function freePort() {
  const server = createServer();
  await new Promise((done) => server.listen(0, '127.0.0.1', done));
  const { port } = server.address();
  await new Promise((done) => server.close(done));
  return port;
}

/** @supabase/lite on PGlite, with one account. */
async function startLite() {
  const made = spawnSync(lite, ['--no-telemetry', 'init', '--pglite'], { cwd: dir });
  assert.equal(made.status, 0, String(made.stderr));
  const [file, port] = [join(dir, 'supabase/config.toml'), await freePort()];
  writeFileSync(file, readFileSync(file, 'utf8').replace(/^port = \d+$/m, `port = ${port}`));
  const key = readFileSync(join(dir, '.env'), 'utf8').match(/PUBLISHABLE_KEY="?([^"\n]+)/)[1];
  const server = spawn(lite, ['--no-telemetry', 'start'], { cwd: dir, stdio: 'ignore' });
  const url = `http://127.0.0.1:${port}`;
  for (let tries = 0; ; tries += 1) {
    assert.ok(tries < 600, 'lite does not answer');
    const { error } = await client(url, key).auth.signUp({ email, password });
    if (!error) return { server, url, key };
    await wait(200);
  }
}

const client = (url, key) =>
  createClient(url, key, {
    auth: { persistSession: false, autoRefreshToken: false },
    realtime: { transport: class {} },
  });

const part = (token, at) => JSON.parse(Buffer.from(token.split('.')[at], 'base64url'));

async function check(name, url, key) {
  const one = client(url, key);
  const ok = ({ data, error }) => {
    assert.equal(error, null, `${name}: ${error?.message}`);
    return data;
  };
  const refused = ({ error }, status, code) => {
    assert.ok(error, `${name}: it was not refused`);
    assert.equal(error.status, status, `${name}: ${error.message}`);
    if (code) assert.equal(error.code, code, name);
  };
  for (const [who, what] of [[email, 'a wrong one'], ['nobody@example.kr', password]]) {
    const wrong = await one.auth.signInWithPassword({ email: who, password: what });
    refused(wrong, 400, 'invalid_credentials');
  }
  const { session, user } = ok(
    await one.auth.signInWithPassword({ email: email.toUpperCase(), password }),
  );
  assert.deepEqual([user.email, user.aud, user.role], [email, 'authenticated', 'authenticated'], name);
  assert.equal(session.token_type, 'bearer', name);
  assert.equal(session.expires_in, 3600, name);
  assert.ok(session.expires_at > Date.now() / 1000, name);
  const claims = part(session.access_token, 1);
  for (const claim of ['sub', 'aud', 'role', 'email', 'session_id', 'iat', 'exp']) {
    assert.ok(claims[claim], `${name}: ${claim}`);
  }
  assert.deepEqual([claims.sub, claims.aud, claims.role], [user.id, 'authenticated', 'authenticated'], name);
  assert.equal(ok(await one.auth.getUser()).user.id, user.id, name);
  const next = ok(await one.auth.refreshSession()).session;
  assert.notEqual(next.refresh_token, session.refresh_token, name);
  assert.equal(part(next.access_token, 1).session_id, claims.session_id, name);
  const said = ok(await one.auth.updateUser({ data: { language: 'ko' } })).user;
  assert.equal(said.user_metadata.language, 'ko', name);
  const short = { password: 'short', current_password: password };
  refused(await one.auth.updateUser(short), 422, 'weak_password');
  const forged = `${next.access_token.slice(0, -4)}AAAA`;
  assert.ok((await client(url, key).auth.getUser(forged)).error, `${name}: a forged token passed`);
  assert.equal((await one.auth.signOut({ scope: 'local' })).error, null, name);
  const late = await client(url, key).auth.refreshSession({ refresh_token: next.refresh_token });
  refused(late, 400);
  console.log(`${name} answers so`);
}

const { server, url, key } = await startLite();
try {
  await check('lite', url, key);
  await check('the tower', GWANJE_URL, 'public-anon-key');
} finally {
  server.kill('SIGKILL');
}
