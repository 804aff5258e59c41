//! Supabase Auth as the provider: its published keys, its shared secret, and nobody's else.

use std::{
    net::SocketAddr,
    process::Command,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
    time::{SystemTime, UNIX_EPOCH},
};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use fleet_api::{Accounts, People, Resolve, Roots, SignIn, Signer, SupabaseKeys};
use fleet_types::{
    Secret,
    people::{Membership, SiteRole, Standing},
};
use futures_util::future::BoxFuture;
use ring::{
    hmac,
    rand::SystemRandom,
    rsa::PublicKeyComponents,
    signature::{
        ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair as _, RSA_PKCS1_SHA256, RsaKeyPair,
    },
};
use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpListener,
};
use uuid::Uuid;

use super::{
    people::{Crew, message},
    support::{Answer, Tower},
};

const SECRET: &str = "a shared secret of thirty-two bytes and more";
const KIM: Uuid = Uuid::from_u128(0x4100_0000_0000_4000_8000_0000_0000_0001);

/// What publishes keys, and counts who asks.
struct Provider {
    address: SocketAddr,
    keys: Arc<Mutex<Vec<Value>>>,
    asked: Arc<AtomicU32>,
}

impl Provider {
    async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (keys, asked) = (Arc::<Mutex<Vec<Value>>>::default(), Arc::<AtomicU32>::default());
        let (published, count) = (Arc::clone(&keys), Arc::clone(&asked));
        tokio::spawn(async move {
            loop {
                let (mut peer, _) = listener.accept().await.unwrap();
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(peer.read_u8().await.unwrap());
                }
                assert!(head.starts_with(b"GET /auth/v1/.well-known/jwks.json "));
                count.fetch_add(1, Ordering::Relaxed);
                let body = json!({"keys": *published.lock().unwrap()}).to_string();
                let answer = format!(
                    "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\n\
                     connection: close\r\n\r\n{body}",
                    body.len()
                );
                peer.write_all(answer.as_bytes()).await.unwrap();
            }
        });
        Self { address, keys, asked }
    }

    fn publish(&self, key: Value) {
        self.keys.lock().unwrap().push(key);
    }

    fn asked(&self) -> u32 {
        self.asked.load(Ordering::Relaxed)
    }
}

struct Here(SocketAddr);

impl Resolve for Here {
    fn resolve(&self, _: String, _: u16) -> BoxFuture<'_, Result<Vec<SocketAddr>, String>> {
        Box::pin(async move { Ok(vec![self.0]) })
    }
}

struct Project {
    tower: Tower,
    provider: Provider,
    issuer: String,
}

impl Project {
    async fn start(shared_secret: Option<&str>) -> Self {
        let provider = Provider::start().await;
        let url = format!("http://project.example:{}", provider.address.port());
        let way = SupabaseKeys {
            url: url.clone(),
            anon_key: "public".to_owned(),
            shared_secret: shared_secret.map(Secret::new),
            resolve: Arc::new(Here(provider.address)),
            roots: Roots::none(),
        };
        let crew = Arc::new(Crew::default());
        let people =
            People::new(SignIn::Supabase(way), Some(Arc::clone(&crew) as Arc<dyn Accounts>));
        crew.people.set(people.clone()).unwrap();
        crew.change(|directory| {
            let given = Membership { role: SiteRole::Viewer, site_id: None };
            let standing = Standing { memberships: [given].into(), ..Standing::default() };
            directory.people.insert(KIM, standing);
        });
        let tower = Tower::with_people(|_| people).await;
        Self { tower, provider, issuer: format!("{url}/auth/v1") }
    }

    fn claims(&self) -> Value {
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
        json!({
            "iss": self.issuer, "aud": "authenticated", "role": "authenticated", "sub": KIM,
            "exp": now + 3600, "iat": now, "session_id": Uuid::from_u128(9), "aal": "aal1",
            "email": "kim@example.kr", "app_metadata": {}, "user_metadata": {},
        })
    }

    async fn get(&self, token: &str) -> Answer {
        let bearer = format!("Bearer {token}");
        let headers = [("authorization", bearer.as_str())];
        self.tower.raw("GET", "/api/v1/me", &headers, vec![]).await
    }
}

fn es256() -> (EcdsaKeyPair, Value) {
    let document = URL_SAFE_NO_PAD.decode(Signer::fresh_key().unwrap()).unwrap();
    let random = SystemRandom::new();
    let pair =
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &document, &random).unwrap();
    let point = pair.public_key().as_ref();
    let (x, y) = (URL_SAFE_NO_PAD.encode(&point[1..33]), URL_SAFE_NO_PAD.encode(&point[33..]));
    let kid = Uuid::new_v4();
    (pair, json!({"kty": "EC", "crv": "P-256", "alg": "ES256", "kid": kid, "x": x, "y": y}))
}

fn signed(pair: &EcdsaKeyPair, kid: &Value, claims: &Value) -> String {
    let message = message(&json!({"alg": "ES256", "kid": kid, "typ": "JWT"}), claims);
    let signature = pair.sign(&SystemRandom::new(), message.as_bytes()).unwrap();
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn hs256(secret: &[u8], header: &Value, claims: &Value) -> String {
    let message = message(header, claims);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, secret), message.as_bytes());
    format!("{message}.{}", URL_SAFE_NO_PAD.encode(tag))
}

#[tokio::test]
async fn published_keys_are_fetched_once_and_again_for_a_new_name() {
    let project = Project::start(None).await;
    let (pair, key) = es256();
    project.provider.publish(key.clone());
    let token = signed(&pair, &key["kid"], &project.claims());
    for _ in 0..5 {
        let me = project.get(&token).await.is(200);
        assert_eq!((&me["who"], &me["rights"]), (&json!("user:kim@example.kr"), &json!(["view"])));
    }
    assert_eq!(project.provider.asked(), 1);
    // The project has changed its key.
    let (next, next_key) = es256();
    project.provider.publish(next_key.clone());
    project.get(&signed(&next, &next_key["kid"], &project.claims())).await.is(200);
    assert_eq!(project.provider.asked(), 2);
    // Made-up names ask nobody.
    for n in 0..20 {
        let made_up = signed(&next, &json!(format!("k{n}")), &project.claims());
        project.get(&made_up).await.is_problem(401, "unauthorized");
    }
    assert_eq!(project.provider.asked(), 2);
    let unsigned = signed(&next, &key["kid"], &project.claims());
    project.get(&unsigned).await.is_problem(401, "unauthorized");
    // The tower itself signs nobody in.
    let body = json!({"email": "kim@example.kr", "password": "x"}).to_string().into_bytes();
    let headers = [("content-type", "application/json")];
    let path = "/auth/v1/token?grant_type=password";
    let answer = project.tower.raw("POST", path, &headers, body).await;
    let problem = answer.is_problem(404, "no_accounts_here");
    assert!(problem["detail"].as_str().unwrap().contains("project.example"), "{problem}");
    let way = project.tower.raw("GET", "/api/v1/sign-in", &[], vec![]).await;
    assert_eq!(way.is(200)["mode"], "supabase");
    let policy = way.headers["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("http://project.example:"), "{policy}");
}

#[tokio::test]
async fn rsa_keys_verify_too() {
    let project = Project::start(None).await;
    let made = Command::new("openssl")
        .args([
            "genpkey",
            "-algorithm",
            "RSA",
            "-pkeyopt",
            "rsa_keygen_bits:2048",
            "-outform",
            "DER",
        ])
        .output()
        .unwrap();
    let pair = RsaKeyPair::from_der(&made.stdout).unwrap();
    let parts = PublicKeyComponents::<Vec<u8>>::from(pair.public());
    let (n, e) = (URL_SAFE_NO_PAD.encode(&parts.n), URL_SAFE_NO_PAD.encode(&parts.e));
    project.provider.publish(json!({"kty": "RSA", "alg": "RS256", "kid": "r", "n": n, "e": e}));
    let message = message(&json!({"alg": "RS256", "kid": "r"}), &project.claims());
    let mut signature = vec![0; pair.public().modulus_len()];
    let random = SystemRandom::new();
    pair.sign(&RSA_PKCS1_SHA256, &random, message.as_bytes(), &mut signature).unwrap();
    let token = format!("{message}.{}", URL_SAFE_NO_PAD.encode(&signature));
    project.get(&token).await.is(200);
    // The modulus, which everybody may read, as a shared secret.
    let confused = hs256(&parts.n, &json!({"alg": "HS256", "kid": "r"}), &project.claims());
    project.get(&confused).await.is_problem(401, "unauthorized");
}

#[tokio::test]
async fn the_shared_secret_counts_where_it_is_configured_and_for_its_own_algorithm() {
    let header = json!({"alg": "HS256", "typ": "JWT"});
    let project = Project::start(Some(SECRET)).await;
    let good = hs256(SECRET.as_bytes(), &header, &project.claims());
    project.get(&good).await.is(200);
    let other = hs256(b"another secret", &header, &project.claims());
    project.get(&other).await.is_problem(401, "unauthorized");
    // The anonymous key of the project is a token of it, and nobody's.
    let mut anonymous = project.claims();
    anonymous["role"] = json!("anon");
    let anonymous = hs256(SECRET.as_bytes(), &header, &anonymous);
    project.get(&anonymous).await.is_problem(401, "unauthorized");
    assert_eq!(project.provider.asked(), 0);

    let without = Project::start(None).await;
    let token = hs256(SECRET.as_bytes(), &header, &without.claims());
    without.get(&token).await.is_problem(401, "unauthorized");
}

#[tokio::test]
async fn a_provider_that_is_away_lets_nobody_in_and_is_not_asked_for_each() {
    let project = Project::start(None).await;
    let (pair, key) = es256();
    let token = signed(&pair, &key["kid"], &project.claims());
    for _ in 0..5 {
        project.get(&token).await.is_problem(401, "unauthorized");
    }
    assert_eq!(project.provider.asked(), 1);
}
