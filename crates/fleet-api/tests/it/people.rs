//! People with accounts: who gets in, who is refused, and what each role may do.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex, MutexGuard},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fleet_api::{AccountError, Accounts, People, SignIn, Signer};
use fleet_types::{
    DeviceClass, DeviceSn, Secret, WallMs,
    people::{
        Account, AccountChange, AccountSession, Directory, Email, Ending, MachineToken, Membership,
        NewMachineToken, Refreshed, SessionOrigin, SiteRole, Standing, TokenHash,
    },
};
use futures_util::future::BoxFuture;
use ring::{
    hmac,
    rand::SystemRandom,
    signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _},
};
use serde_json::{Value, json};
use uuid::Uuid;

use super::support::{Answer, DOCK, Tower, device};

const PASSWORD: &str = "correct horse";

/// Accounts in memory, as the database would keep them.
#[derive(Default)]
struct Held {
    accounts: BTreeMap<Uuid, (Account, Option<Secret>)>,
    sessions: BTreeMap<Uuid, Uuid>,
    tokens: BTreeMap<TokenHash, (Uuid, bool)>,
    directory: Directory,
}

#[derive(Default)]
pub(crate) struct Crew {
    held: Mutex<Held>,
    pub(crate) people: std::sync::OnceLock<People>,
}

impl Crew {
    /// As if it had been changed in the database.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Directory)) {
        let mut held = self.held();
        change(&mut held.directory);
        self.publish(&mut held);
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap()
    }

    fn publish(&self, held: &mut Held) {
        held.directory.revision += 1;
        self.people.get().unwrap().put(held.directory.clone());
    }

    fn add(&self, name: &str, password: Option<Secret>) -> Account {
        let account = Account {
            account_id: Uuid::new_v4(),
            email: Email::new(name).unwrap(),
            user_metadata: json!({}),
            created_ms: WallMs(0),
            updated_ms: WallMs(0),
            last_sign_in_ms: None,
            disabled_ms: None,
        };
        let mut held = self.held();
        let (id, email) = (account.account_id, Some(account.email.clone()));
        held.accounts.insert(id, (account.clone(), password));
        held.directory.people.insert(id, Standing { email, ..Standing::default() });
        self.publish(&mut held);
        account
    }

    fn end_where(&self, held: &mut Held, ends: impl Fn(Uuid, Uuid) -> bool) {
        let ended: Vec<_> =
            held.sessions.iter().filter(|(s, a)| ends(**s, **a)).map(|(s, _)| *s).collect();
        held.sessions.retain(|session, _| !ended.contains(session));
        held.directory.ended_sessions.extend(ended);
        self.publish(held);
    }
}

type Reply<'a, T> = BoxFuture<'a, Result<T, AccountError>>;

fn ready<'a, T: Send + 'a>(value: T) -> Reply<'a, T> {
    Box::pin(async move { Ok(value) })
}

impl Accounts for Crew {
    fn by_password(&self, email: Email, password: Secret) -> Reply<'_, Option<Account>> {
        let held = self.held();
        let mut all = held.accounts.values();
        let found = all.find(|(a, known)| a.email == email && known.as_ref() == Some(&password));
        ready(found.map(|(account, _)| account.clone()))
    }

    fn open(&self, id: Uuid, token: TokenHash, _: SessionOrigin) -> Reply<'_, Option<Uuid>> {
        let mut held = self.held();
        if held.accounts[&id].0.disabled_ms.is_some() {
            return ready(None);
        }
        let session = Uuid::new_v4();
        held.sessions.insert(session, id);
        held.tokens.insert(token, (session, false));
        ready(Some(session))
    }

    fn refresh(&self, token: TokenHash, next: TokenHash) -> Reply<'_, Refreshed> {
        let mut held = self.held();
        let Some((session_id, used)) = held.tokens.get(&token).copied() else {
            return ready(Refreshed::Unknown);
        };
        let Some(account) = held.sessions.get(&session_id).copied() else {
            return ready(Refreshed::Over);
        };
        if used {
            self.end_where(&mut held, |session, _| session == session_id);
            return ready(Refreshed::Reused { session_id });
        }
        held.tokens.insert(token, (session_id, true));
        held.tokens.insert(next, (session_id, false));
        let account = Box::new(held.accounts[&account].0.clone());
        ready(Refreshed::Next { account, session_id })
    }

    fn end(&self, id: Uuid, ending: Ending, _: &'static str) -> Reply<'_, ()> {
        self.end_where(&mut self.held(), |session, account| {
            account == id
                && match ending {
                    Ending::All => true,
                    Ending::One(one) => session == one,
                    Ending::Others(one) => session != one,
                }
        });
        ready(())
    }

    fn sessions(&self, id: Uuid) -> Reply<'_, Vec<AccountSession>> {
        let held = self.held();
        let of_it = held.sessions.iter().filter(|(_, account)| **account == id);
        let found = of_it.map(|(session, _)| AccountSession {
            session_id: *session,
            created_ms: WallMs(0),
            refreshed_ms: WallMs(0),
            address: None,
            user_agent: None,
        });
        ready(found.collect())
    }

    fn get(&self, id: Uuid) -> Reply<'_, Option<Account>> {
        ready(self.held().accounts.get(&id).map(|(account, _)| account.clone()))
    }

    fn list(&self) -> Reply<'_, Vec<Account>> {
        ready(self.held().accounts.values().map(|(account, _)| account.clone()).collect())
    }

    fn create(&self, email: Email, password: Option<Secret>, _: Value) -> Reply<'_, Account> {
        ready(self.add(email.as_str(), password))
    }

    fn change(&self, id: Uuid, change: AccountChange, keeps: Option<Uuid>) -> Reply<'_, Account> {
        let mut held = self.held();
        let Some((account, password)) = held.accounts.get_mut(&id) else {
            return Box::pin(async { Err(AccountError::Unknown) });
        };
        let ends = change.password.is_some() || change.is_disabled == Some(true);
        if change.password.is_some() {
            *password = change.password;
        }
        if let Some(disabled) = change.is_disabled {
            account.disabled_ms = disabled.then_some(WallMs(1));
        }
        let account = account.clone();
        let disabled = account.disabled_ms.is_some();
        held.directory.people.get_mut(&id).unwrap().is_disabled = disabled;
        self.end_where(&mut held, |session, of| ends && of == id && Some(session) != keeps);
        ready(account)
    }

    fn make_token(&self, new: NewMachineToken) -> Reply<'_, MachineToken> {
        let mut held = self.held();
        let made = MachineToken {
            token_id: Uuid::new_v4(),
            name: new.name,
            prefix: new.prefix,
            hash: new.hash,
            account_id: new.account_id,
            made_by: new.made_by,
            permissions: new.permissions,
            site_ids: new.site_ids,
            created_ms: WallMs(1),
            expires_ms: new.expires_ms,
            last_used_ms: None,
            revoked_ms: None,
        };
        held.directory.tokens.insert(made.hash, made.clone());
        self.publish(&mut held);
        ready(made)
    }

    fn tokens(&self) -> Reply<'_, Vec<MachineToken>> {
        ready(self.held().directory.tokens.values().cloned().collect())
    }

    fn revoke_token(&self, id: Uuid, _: String) -> Reply<'_, bool> {
        let mut held = self.held();
        held.directory.tokens.retain(|_, token| token.token_id != id);
        self.publish(&mut held);
        ready(true)
    }

    fn make_site(&self, name: String) -> Reply<'_, Uuid> {
        let id = Uuid::new_v4();
        self.change(|known| drop(known.sites.insert(id, name)));
        ready(id)
    }

    fn rename_site(&self, id: Uuid, name: String) -> Reply<'_, bool> {
        let mut is_there = false;
        self.change(|known| is_there = known.sites.insert(id, name).is_some());
        ready(is_there)
    }

    fn move_dock(&self, sn: DeviceSn, aircraft: Vec<DeviceSn>, site: Uuid) -> Reply<'_, bool> {
        self.change(|known| {
            for sn in aircraft.into_iter().chain([sn]) {
                known.devices.insert(sn, site);
            }
        });
        ready(true)
    }

    fn set_roles(&self, id: Uuid, roles: BTreeSet<Membership>, _: String) -> Reply<'_, ()> {
        let mut held = self.held();
        held.directory.people.entry(id).or_default().memberships = roles;
        self.publish(&mut held);
        ready(())
    }
}

/// A tower with accounts, and what signs its tokens.
pub(crate) struct Site {
    pub(crate) tower: Tower,
    crew: Arc<Crew>,
    pair: EcdsaKeyPair,
    kid: String,
    issuer: String,
}

impl Site {
    pub(crate) async fn start() -> Self {
        let key = Signer::fresh_key().unwrap();
        let crew = Arc::new(Crew::default());
        let made = Arc::clone(&crew);
        let signer = Signer::from_key(&key).unwrap();
        let tower = Tower::with_people(move |url| {
            let way = SignIn::Own { signer, url: url.to_owned() };
            let people = People::new(way, Some(Arc::clone(&made) as Arc<dyn Accounts>));
            made.people.set(people.clone()).unwrap();
            people
        })
        .await;
        let document = URL_SAFE_NO_PAD.decode(&key).unwrap();
        let random = SystemRandom::new();
        let pair =
            EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, &random).unwrap();
        let set = tower.raw("GET", "/auth/v1/.well-known/jwks.json", &[], vec![]).await.is(200);
        let kid = set["keys"][0]["kid"].as_str().unwrap().to_owned();
        let issuer = format!("http://{}/auth/v1", tower.address);
        Self { tower, crew, pair, kid, issuer }
    }

    pub(crate) fn person(&self, name: &str, roles: &[SiteRole]) -> Account {
        let account = self.crew.add(name, Some(Secret::new(PASSWORD)));
        let roles = roles.iter().map(|role| Membership { role: *role, site_id: None }).collect();
        let mut held = self.crew.held();
        held.directory.people.get_mut(&account.account_id).unwrap().memberships = roles;
        self.crew.publish(&mut held);
        account
    }

    /// As if it had been changed in the database.
    pub(crate) fn change(&self, change: impl FnOnce(&mut Directory)) {
        self.crew.change(change);
    }

    async fn exchange(&self, grant: &str, body: Value) -> Answer {
        let path = format!("/auth/v1/token?grant_type={grant}");
        let headers = [("content-type", "application/json"), ("apikey", "anything")];
        self.tower.raw("POST", &path, &headers, body.to_string().into_bytes()).await
    }

    async fn sign_in(&self, name: &str, password: &str) -> Answer {
        self.exchange("password", json!({"email": name, "password": password})).await
    }

    /// Signs somebody in and gives their access token.
    pub(crate) async fn token(&self, name: &str) -> String {
        let answer = self.sign_in(name, PASSWORD).await.is(200);
        answer["access_token"].as_str().unwrap().to_owned()
    }

    pub(crate) async fn call(&self, token: &str, method: &str, path: &str, body: &Value) -> Answer {
        let bearer = format!("Bearer {token}");
        let mut headers = vec![("authorization", bearer.as_str())];
        let mut bytes = vec![];
        if !body.is_null() {
            headers.push(("content-type", "application/json"));
            bytes = body.to_string().into_bytes();
        }
        self.tower.raw(method, path, &headers, bytes).await
    }

    pub(crate) async fn get(&self, token: &str, path: &str) -> Answer {
        self.call(token, "GET", path, &Value::Null).await
    }

    fn signed(&self, header: &Value, claims: &Value) -> String {
        let message = message(header, claims);
        let signature = self.pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
        format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
    }
}

pub(crate) fn message(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

fn claims_of(token: &str) -> Value {
    let body = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(body).unwrap()).unwrap()
}

#[tokio::test]
async fn an_account_signs_in_goes_on_and_out() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Viewer]);
    let first = site.sign_in("Kim@example.kr", PASSWORD).await.is(200);
    assert_eq!((&first["token_type"], &first["expires_in"]), (&json!("bearer"), &json!(3600)));
    assert_eq!(first["user"]["email"], "kim@example.kr");
    let token = first["access_token"].as_str().unwrap();
    let said = claims_of(token);
    for claim in ["iss", "aud", "exp", "iat", "sub", "role", "aal", "session_id", "email"] {
        assert!(!said[claim].is_null(), "{claim}: {said}");
    }
    let me = site.get(token, "/api/v1/me").await.is(200);
    assert_eq!(me["who"], "user:kim@example.kr");
    assert_eq!(me["rights"], json!(["view"]));
    assert_eq!(site.get(token, "/auth/v1/user").await.is(200)["id"], first["user"]["id"]);
    site.get(token, "/api/v1/devices").await.is(200);

    let renewed = site.exchange("refresh_token", json!({"refresh_token": first["refresh_token"]}));
    let renewed = renewed.await.is(200);
    assert_ne!(renewed["refresh_token"], first["refresh_token"]);
    assert_eq!(
        claims_of(renewed["access_token"].as_str().unwrap())["session_id"],
        said["session_id"]
    );
    let out = site.call(token, "POST", "/auth/v1/logout?scope=local", &Value::Null).await;
    assert_eq!(out.status, 204);
    // Both tokens of the session are refused from now on, though neither has expired.
    for token in [token, renewed["access_token"].as_str().unwrap()] {
        site.get(token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    }
    let late = site.exchange("refresh_token", json!({"refresh_token": renewed["refresh_token"]}));
    let late = late.await.is_problem(400, "session_expired");
    // As clients of Supabase read it.
    assert_eq!((&late["error_code"], late["msg"].is_string()), (&json!("session_expired"), true));
}

#[tokio::test]
async fn forged_and_foreign_tokens_are_nobodys() {
    let site = Site::start().await;
    let kim = site.person("kim@example.kr", &[SiteRole::Administrator]);
    let good = claims_of(&site.token("kim@example.kr").await);
    let header = json!({"alg": "ES256", "kid": site.kid, "typ": "JWT"});
    site.get(&site.signed(&header, &good), "/api/v1/devices").await.is(200);
    let refused = async |what: &str, token: String| {
        let answer = site.get(&token, "/api/v1/devices").await;
        assert_eq!(answer.status, 401, "{what}");
        let offered = format!("gwanje.v2, bearer.{token}");
        let headers = [("sec-websocket-protocol", offered.as_str())];
        let answer = site.tower.raw("GET", "/api/v1/stream", &headers, vec![]).await;
        assert_eq!(answer.status, 401, "{what}, on the stream");
    };
    let with = |name: &str, value: Value| {
        let mut claims = good.clone();
        claims[name] = value;
        site.signed(&header, &claims)
    };
    refused("another issuer", with("iss", json!("https://evil.example/auth/v1"))).await;
    refused("another audience", with("aud", json!("anon"))).await;
    refused("another role", with("role", json!("service_role"))).await;
    refused("expired", with("exp", json!(good["iat"].as_i64().unwrap() - 3600))).await;
    refused("an expiry that is no number", with("exp", json!("never"))).await;
    refused("not yet", with("nbf", json!(good["exp"]))).await;
    refused("nobody's account", with("sub", json!(Uuid::new_v4()))).await;
    refused("the nil account", with("sub", json!(Uuid::nil()))).await;
    let unknown = json!({"alg": "ES256", "kid": "0000000000000000"});
    refused("an unknown key", site.signed(&unknown, &good)).await;
    refused("no key", site.signed(&json!({"alg": "ES256"}), &good)).await;
    for alg in ["none", "None", "NONE"] {
        let none = json!({"alg": alg, "kid": site.kid});
        refused("none", format!("{}.", message(&none, &good))).await;
    }
    // The public key, which everybody may read, as a shared secret.
    let point = site.pair.public_key().as_ref();
    let confused = message(&json!({"alg": "HS256", "kid": site.kid}), &good);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, point), confused.as_bytes());
    refused("confusion", format!("{confused}.{}", URL_SAFE_NO_PAD.encode(tag))).await;

    let disabled = json!({"ban_duration": "876000h"});
    let path = format!("/auth/v1/admin/users/{}", kim.account_id);
    site.tower.call("PUT", &path, &disabled).await.is(200);
    refused("a disabled account", site.signed(&header, &good)).await;
    let back = site.sign_in("kim@example.kr", PASSWORD).await;
    back.is_problem(400, "user_banned");
}

#[tokio::test]
async fn what_people_say_of_themselves_gives_them_nothing() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Viewer]);
    let token = site.token("kim@example.kr").await;
    let said = json!({"data": {"role": "administrator", "roles": [{"role": "administrator"}]}});
    site.call(&token, "PUT", "/auth/v1/user", &said).await.is(200);
    let header = json!({"alg": "ES256", "kid": site.kid});
    let mut claims = claims_of(&token);
    claims["user_metadata"] = said["data"].clone();
    claims["app_metadata"] = json!({"role": "administrator"});
    let token = site.signed(&header, &claims);
    assert_eq!(site.get(&token, "/api/v1/me").await.is(200)["rights"], json!(["view"]));
    let problem = site.get(&token, "/api/v1/people").await.is_problem(403, "right_missing");
    assert_eq!(problem["right"], "people");
}

#[tokio::test]
async fn a_refresh_token_used_twice_ends_its_session() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Viewer]);
    let first = site.sign_in("kim@example.kr", PASSWORD).await.is(200);
    let body = json!({"refresh_token": first["refresh_token"]});
    let renewed = site.exchange("refresh_token", body.clone()).await.is(200);
    let again = site.exchange("refresh_token", body).await;
    again.is_problem(400, "refresh_token_already_used");
    let token = renewed["access_token"].as_str().unwrap();
    site.get(token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    let nobody = site.exchange("refresh_token", json!({"refresh_token": "x"})).await;
    nobody.is_problem(400, "refresh_token_not_found");
}

#[tokio::test]
async fn guesses_are_held_before_anything_is_hashed() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Viewer]);
    for n in 0..10 {
        let wrong = site.sign_in("kim@example.kr", &format!("guess number {n}")).await;
        wrong.is_problem(400, "invalid_credentials");
    }
    // The right one too: whether it is right is not even asked.
    let held = site.sign_in("kim@example.kr", PASSWORD).await;
    held.is_problem(429, "over_request_rate_limit");
    assert!(held.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn what_cannot_be_a_password_is_none() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Viewer]);
    let long = format!("{PASSWORD}{}", "x".repeat(72));
    for (name, password) in
        [("kim@example.kr", long.as_str()), ("kim@example.kr", "a\0b"), ("kim", "x"), ("", "")]
    {
        site.sign_in(name, password).await.is_problem(400, "invalid_credentials");
    }
    let weak = json!({"email": "lee@example.kr", "password": "short"});
    let weak = site.tower.call("POST", "/auth/v1/admin/users", &weak).await;
    weak.is_problem(422, "weak_password");
    let long = json!({"email": "lee@example.kr", "password": "x".repeat(73)});
    let long = site.tower.call("POST", "/auth/v1/admin/users", &long).await;
    assert!(long.is_problem(422, "weak_password")["detail"].as_str().unwrap().contains("72"));
}

#[tokio::test]
async fn a_new_password_needs_the_old_one_and_ends_other_sessions() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Viewer]);
    let (mine, other) = (site.token("kim@example.kr").await, site.token("kim@example.kr").await);
    let put = async |body: Value| site.call(&mine, "PUT", "/auth/v1/user", &body).await;
    put(json!({"password": "another password"})).await.is_problem(422, "bad_input");
    let wrong = json!({"password": "another password", "current_password": "wrong password"});
    put(wrong).await.is_problem(400, "invalid_credentials");
    put(json!({"password": "another password", "current_password": PASSWORD})).await.is(200);
    site.get(&mine, "/api/v1/devices").await.is(200);
    site.get(&other, "/api/v1/devices").await.is_problem(401, "unauthorized");
    site.sign_in("kim@example.kr", PASSWORD).await.is_problem(400, "invalid_credentials");
    site.sign_in("kim@example.kr", "another password").await.is(200);
}

#[tokio::test]
async fn each_role_orders_what_is_its_own_and_stops_what_moves() {
    let site = Site::start().await;
    site.tower.bus.writer().try_write(device(DOCK, DeviceClass::Dock)).unwrap();
    site.tower.until("/api/v1/devices", |body| body["devices"][0]["sn"] == DOCK).await;
    let orders =
        ["return_home", "flighttask_recovery", "cover_open", "ota_create", "stick_control"];
    let check = async |role: SiteRole, may: &[&str]| {
        let name = format!("{}@example.kr", role.name());
        site.person(&name, &[role]);
        let token = site.token(&name).await;
        for method in orders {
            let body = json!({"method": method, "idempotency_key": format!("{name}-{method}")});
            let path = format!("/api/v1/devices/{DOCK}/commands");
            let answer = site.call(&token, "POST", &path, &body).await;
            // Nobody owns the dock here: what passes waits for its machine in vain.
            let expect = if may.contains(&method) { 504 } else { 403 };
            assert_eq!(answer.status, expect, "{role:?} {method}");
        }
    };
    check(SiteRole::Viewer, &[]).await;
    check(SiteRole::Operator, &["return_home", "flighttask_recovery"]).await;
    check(SiteRole::Pilot, &["return_home", "flighttask_recovery", "stick_control"]).await;
    check(SiteRole::Engineer, &["return_home", "cover_open", "ota_create"]).await;
    check(SiteRole::Administrator, &orders).await;
}

#[tokio::test]
async fn without_a_role_there_is_nothing_but_oneself() {
    let site = Site::start().await;
    let kim = site.person("kim@example.kr", &[]);
    let token = site.token("kim@example.kr").await;
    assert_eq!(site.get(&token, "/api/v1/me").await.is(200)["rights"], json!([]));
    let document = site.get(&token, "/api/v1/openapi.json").await.is(200);
    for (path, item) in document["paths"].as_object().unwrap() {
        for (verb, operation) in item.as_object().unwrap() {
            if operation["x-gwanje"]["right"].is_null() || path.ends_with("/commands") {
                continue;
            }
            let path = path.replace("{sn}", DOCK).replace("{z}", "0").replace("{x}", "0");
            let path = path.replace("{y}", "0").replace("{id}", &kim.account_id.to_string());
            let verb = verb.to_uppercase();
            let answer = site.call(&token, &verb, &path, &Value::Null).await;
            answer.is_problem(403, "right_missing");
        }
    }
    let given = json!({"roles": [{"role": "operator"}]});
    let path = format!("/api/v1/people/{}/roles", kim.account_id);
    assert_eq!(site.tower.call("PUT", &path, &given).await.status, 204);
    // In force for the very same token.
    site.get(&token, "/api/v1/devices").await.is(200);
    let own = json!({"roles": [{"role": "administrator"}]});
    site.call(&token, "PUT", &path, &own).await.is_problem(403, "right_missing");
}

#[tokio::test]
async fn sessions_are_listed_and_ended_one_by_one() {
    let site = Site::start().await;
    let kim = site.person("kim@example.kr", &[SiteRole::Viewer]);
    site.person("lee@example.kr", &[SiteRole::Viewer]);
    let (mine, other) = (site.token("kim@example.kr").await, site.token("kim@example.kr").await);
    let stranger = site.token("lee@example.kr").await;
    let listed = site.get(&mine, "/api/v1/sessions").await.is(200);
    assert_eq!(listed["sessions"].as_array().unwrap().len(), 2);
    assert_eq!(listed["current"], claims_of(&mine)["session_id"]);
    let path = format!("/api/v1/sessions/{}", claims_of(&other)["session_id"].as_str().unwrap());
    // Somebody else's is not theirs to end.
    site.call(&stranger, "DELETE", &path, &Value::Null).await;
    site.get(&other, "/api/v1/devices").await.is(200);
    assert_eq!(site.call(&mine, "DELETE", &path, &Value::Null).await.status, 204);
    site.get(&other, "/api/v1/devices").await.is_problem(401, "unauthorized");
    site.get(&mine, "/api/v1/devices").await.is(200);
    let path = format!(
        "/api/v1/people/{}/sessions/{}",
        kim.account_id,
        claims_of(&mine)["session_id"].as_str().unwrap()
    );
    site.call(&stranger, "DELETE", &path, &Value::Null).await.is_problem(403, "right_missing");
    assert_eq!(site.tower.call("DELETE", &path, &Value::Null).await.status, 204);
    site.get(&mine, "/api/v1/devices").await.is_problem(401, "unauthorized");
    let own = site.tower.get("/api/v1/sessions").await;
    own.is_problem(403, "no_account");
}

#[tokio::test]
async fn while_the_database_is_away_an_expired_token_goes_on() {
    let site = Site::start().await;
    site.person("kim@example.kr", &[SiteRole::Operator]);
    let mut claims = claims_of(&site.token("kim@example.kr").await);
    claims["exp"] = json!(claims["iat"].as_i64().unwrap() - 3600);
    let header = json!({"alg": "ES256", "kid": site.kid});
    let token = site.signed(&header, &claims);
    site.get(&token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    let people = site.crew.people.get().unwrap();
    people.database_is_away();
    site.get(&token, "/api/v1/devices").await.is(200);
    people.database_is_there();
    site.get(&token, "/api/v1/devices").await.is_problem(401, "unauthorized");
    assert!(site.issuer.ends_with("/auth/v1"));
}

#[tokio::test]
async fn a_tower_without_accounts_says_so() {
    let tower = Tower::start().await;
    let way = tower.raw("GET", "/api/v1/sign-in", &[], vec![]).await.is(200);
    assert_eq!(way, json!({"mode": "none", "url": null, "anon_key": null, "has_accounts": null}));
    let body = json!({"email": "kim@example.kr", "password": PASSWORD}).to_string().into_bytes();
    let headers = [("content-type", "application/json")];
    let path = "/auth/v1/token?grant_type=password";
    let answer = tower.raw("POST", path, &headers, body).await;
    answer.is_problem(404, "no_accounts_here");
}
