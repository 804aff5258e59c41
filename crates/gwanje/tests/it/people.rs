//! People with accounts at the running program: made from the command line, signed in by the real
//! supabase-js, refused and cut off when their rights or sessions end.

use std::{
    path::Path,
    process::{Output, Stdio},
    time::Duration,
};

use futures_util::StreamExt as _;
use serde_json::{Value, json};
use tokio::{io::AsyncWriteExt as _, net::TcpStream, process::Command};
use tokio_tungstenite::{
    WebSocketStream, client_async,
    tungstenite::{Message, client::IntoClientRequest as _},
};

use super::{
    database::{gwanje, sql},
    http::Answer,
    proc,
    site::{GWANJE, Load, Site, run},
};

const EMAIL: &str = "kim@example.kr";
const PASSWORD: &str = "correct horse battery";
const CLIENT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../supabase/client");

/// `gwanje admin …` with this on its standard input.
async fn admin(site: &Site, words: &[&str], input: &str) -> Output {
    let mut child = Command::new(GWANJE)
        .arg("admin")
        .args(words)
        .env("GWANJE_CONFIG", "/dev/null")
        .env("GWANJE_DATA_DIR", site.data_dir())
        .env("GWANJE_API_LISTEN", site.api.to_string())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(input.as_bytes()).await.unwrap();
    drop(stdin);
    child.wait_with_output().await.unwrap()
}

async fn admin_says(site: &Site, words: &[&str], input: &str) -> String {
    let output = admin(site, words, input).await;
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words:?}: {errors}");
    String::from_utf8(output.stdout).unwrap()
}

pub(crate) async fn create(site: &Site, email: &str, role: &str) {
    let words = ["create", email, "--role", role, "--password-stdin"];
    admin_says(site, &words, &format!("{PASSWORD}\n")).await;
}

async fn exchange(site: &Site, grant: &str, body: &Value) -> Answer {
    let path = format!("/auth/v1/token?grant_type={grant}");
    site.raw("POST", &path, &[("content-type", "application/json")], body.to_string()).await
}

async fn sign_in(site: &Site, email: &str, password: &str) -> Answer {
    exchange(site, "password", &json!({"email": email, "password": password})).await
}

pub(crate) async fn token(site: &Site, email: &str) -> String {
    let signed_in = sign_in(site, email, PASSWORD).await.is(200);
    signed_in["access_token"].as_str().unwrap().to_owned()
}

async fn get(site: &Site, token: &str, path: &str) -> Answer {
    let bearer = format!("Bearer {token}");
    site.raw("GET", path, &[("authorization", bearer.as_str())], "").await
}

async fn live_view(site: &Site, token: &str) -> WebSocketStream<TcpStream> {
    let url = format!("ws://{}/api/v1/stream", site.api);
    let mut request = url.into_client_request().unwrap();
    let offered = format!("gwanje.v2, bearer.{token}");
    request.headers_mut().insert("sec-websocket-protocol", offered.parse().unwrap());
    let tcp = TcpStream::connect(site.api).await.unwrap();
    client_async(request, tcp).await.unwrap().0
}

/// The code with which the tower closes the live view.
async fn closed_with(socket: &mut WebSocketStream<TcpStream>) -> u16 {
    loop {
        if let Message::Close(frame) = socket.next().await.expect("a farewell").unwrap() {
            return frame.expect("a code").code.into();
        }
    }
}

#[test]
fn the_first_administrator_comes_from_the_command_line() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        let way = site.raw("GET", "/api/v1/sign-in", &[], "").await.is(200);
        assert_eq!((&way["mode"], &way["has_accounts"]), (&json!("own"), &json!(false)));
        let listed = admin_says(&site, &["list"], "").await;
        assert!(listed.contains("gwanje admin create"), "{listed}");

        let said = admin_says(&site, &["create", "Kim@Example.kr"], "").await;
        let password = said.split("with the password ").nth(1).unwrap();
        let password = password.split_whitespace().next().unwrap().to_owned();
        let signed_in = sign_in(&site, EMAIL, &password).await.is(200);
        let token = signed_in["access_token"].as_str().unwrap().to_owned();
        let refresh = signed_in["refresh_token"].as_str().unwrap().to_owned();
        let me = get(&site, &token, "/api/v1/me").await.is(200);
        assert_eq!(me["roles"], json!([{"role": "administrator", "site_id": null}]));
        let twice = admin(&site, &["create", EMAIL], "").await;
        let words = String::from_utf8_lossy(&twice.stderr).into_owned();
        assert!(!twice.status.success() && words.contains("another account"), "{words}");

        // Another password ends every session; disabling shuts the account.
        let said = admin_says(&site, &["reset", EMAIL, "--password-stdin"], PASSWORD).await;
        assert!(!said.contains(PASSWORD), "{said}");
        get(&site, &token, "/api/v1/me").await.is_problem(401, "unauthorized");
        sign_in(&site, EMAIL, &password).await.is_problem(400, "invalid_credentials");
        let token = token_of(&sign_in(&site, EMAIL, PASSWORD).await.is(200));
        admin_says(&site, &["disable", EMAIL], "").await;
        get(&site, &token, "/api/v1/me").await.is_problem(401, "unauthorized");
        sign_in(&site, EMAIL, PASSWORD).await.is_problem(400, "user_banned");
        let listed = admin_says(&site, &["list"], "").await;
        assert!(listed.contains(EMAIL) && listed.contains("(disabled)"), "{listed}");
        admin_says(&site, &["enable", EMAIL], "").await;
        sign_in(&site, EMAIL, PASSWORD).await.is(200);

        // Nothing of it is in the log, and the signing key is its owner's alone.
        for secret in [password.as_str(), PASSWORD, &token, &refresh] {
            assert!(!site.log().contains(secret));
        }
        let key = std::fs::metadata(site.data_dir().join("signing-key")).unwrap();
        assert_eq!(std::os::unix::fs::PermissionsExt::mode(&key.permissions()) & 0o777, 0o600);
        assert_eq!(proc::threads(site.tower().unwrap()), 1);
    });
}

fn token_of(signed_in: &Value) -> String {
    signed_in["access_token"].as_str().unwrap().to_owned()
}

#[test]
fn supabase_js_signs_in_goes_on_and_out() {
    run(Load::Light, async {
        let installed = Path::new(CLIENT).join("node_modules/@supabase/supabase-js");
        assert!(installed.exists(), "run `npm ci` in supabase/client (make test does)");
        let site = Site::start().await;
        create(&site, EMAIL, "operator").await;
        let output = Command::new("node")
            .arg("sign-in.mjs")
            .current_dir(CLIENT)
            .env("GWANJE_URL", format!("http://{}", site.api))
            .env("GWANJE_EMAIL", EMAIL)
            .env("GWANJE_PASSWORD", PASSWORD)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        assert!(said.contains("signed out: here, elsewhere, for good"), "{said}");
    });
}

#[test]
fn a_session_outlives_the_tower_and_a_live_view_does_not_outlive_its_session() {
    run(Load::Light, async {
        let mut site = Site::start().await;
        create(&site, EMAIL, "viewer").await;
        let first = sign_in(&site, EMAIL, PASSWORD).await.is(200);
        let tower = site.tower().unwrap();
        proc::signal(tower, rustix::process::Signal::KILL);
        site.until("another tower", "/readyz", |ready| ready["ready"] == true).await;
        let mine = token_of(&first);
        get(&site, &mine, "/api/v1/devices").await.is(200);
        // What is read of the database is read as they may.
        let missions = get(&site, &mine, "/api/v1/missions?sn=SIMDK1").await.is(200);
        assert_eq!(missions["missions"], json!([]));
        let body = json!({"refresh_token": first["refresh_token"]});
        let renewed = exchange(&site, "refresh_token", &body).await.is(200);

        let mut view = live_view(&site, &token_of(&renewed)).await;
        let bearer = format!("Bearer {mine}");
        let headers = [("authorization", bearer.as_str())];
        let out = site.raw("POST", "/auth/v1/logout?scope=local", &headers, "").await;
        assert_eq!(out.status, 204, "{}", out.text());
        assert_eq!(closed_with(&mut view).await, 4001);
        get(&site, &mine, "/api/v1/devices").await.is_problem(401, "unauthorized");

        // Rights that are taken away are gone from open views as well.
        let other = token(&site, EMAIL).await;
        let me = get(&site, &other, "/api/v1/me").await.is(200);
        let mut view = live_view(&site, &other).await;
        let path = format!("/api/v1/people/{}/roles", me["user_id"].as_str().unwrap());
        let none = site.try_call("PUT", &path, &json!({"roles": []})).await.unwrap();
        assert_eq!(none.status, 204, "{}", none.text());
        assert_eq!(closed_with(&mut view).await, 4003);
        get(&site, &other, "/api/v1/devices").await.is_problem(403, "right_missing");
    });
}

#[test]
fn fifty_sign_ins_a_second_leave_the_loop_alone() {
    run(Load::Heavy, async {
        let site = Site::start().await;
        create(&site, EMAIL, "viewer").await;
        let mut every = tokio::time::interval(Duration::from_millis(20));
        let mut answers = Vec::new();
        let mut asked = Vec::new();
        for n in 0..250 {
            every.tick().await;
            let body = json!({"email": format!("a{n}@example.kr"), "password": "a wrong one"});
            let (address, body) = (site.api, body.to_string());
            asked.push(tokio::spawn(async move {
                let headers = [("content-type", "application/json")];
                let path = "/auth/v1/token?grant_type=password";
                super::http::send(address, "POST", path, &headers, body).await.unwrap().status
            }));
        }
        for answer in asked {
            answers.push(answer.await.unwrap().as_u16());
        }
        // Few were hashed, the others were held before; nobody got in, nothing failed.
        assert!(answers.iter().all(|status| [400, 429].contains(status)), "{answers:?}");
        let hashed = answers.iter().filter(|status| **status == 400).count();
        assert!((1..=15).contains(&hashed), "{hashed} of 250 were hashed");
        let system = site.get("/api/v1/system").await.is(200);
        eprintln!("loop stalls: {}, slow: {}", system["loop"]["stall_ms"], system["loop"]["slow"]);
    });
}

#[test]
fn a_program_s_token_works_until_it_is_revoked_and_then_nowhere() {
    run(Load::Light, async {
        let site = Site::start().await;
        let said = gwanje(&site, &["token", "create", "export", "--right", "view", "--days", "7"]);
        assert!(said.0, "{}", said.1);
        let token = said.1.lines().next().unwrap().to_owned();
        assert!(token.starts_with("gwt_"), "{}", said.1);
        get(&site, &token, "/api/v1/devices").await.is(200);
        get(&site, &token, "/metrics").await.is_problem(403, "right_missing");
        let twice = gwanje(&site, &["token", "create", "export", "--right", "view"]);
        assert!(!twice.0 && twice.1.contains("has this name"), "{}", twice.1);
        let mut view = live_view(&site, &token).await;
        let listed = gwanje(&site, &["token", "list"]).1;
        assert!(listed.contains("export") && listed.contains("good for 6 days"), "{listed}");
        assert!(!listed.contains(&token), "{listed}");
        // Another tower on the database would revoke it so.
        sql(&site, "update gwanje.api_tokens set revoked_at = now() where name = 'export'");
        assert_eq!(closed_with(&mut view).await, 4001);
        get(&site, &token, "/api/v1/devices").await.is_problem(401, "unauthorized");

        // Of somebody: with their account it falls.
        create(&site, EMAIL, "operator").await;
        let kim = token_of(&sign_in(&site, EMAIL, PASSWORD).await.is(200));
        let bearer = format!("Bearer {kim}");
        let headers = [("authorization", bearer.as_str()), ("content-type", "application/json")];
        let ask = |rights: &[&str]| {
            json!({"name": "kims", "permissions": rights, "expires_in_days": 1}).to_string()
        };
        let more = site.raw("POST", "/api/v1/tokens", &headers, ask(&["firmware"])).await;
        more.is_problem(403, "right_missing");
        let made = site.raw("POST", "/api/v1/tokens", &headers, ask(&["view", "stop"])).await;
        let made = made.is(201)["token"].as_str().unwrap().to_owned();
        get(&site, &made, "/api/v1/missions?sn=SIMDK1").await.is(200);
        admin_says(&site, &["disable", EMAIL], "").await;
        get(&site, &made, "/api/v1/devices").await.is_problem(401, "unauthorized");
        admin_says(&site, &["enable", EMAIL], "").await;
        get(&site, &made, "/api/v1/devices").await.is(200);
        let revoked = gwanje(&site, &["token", "revoke", "kims"]);
        assert!(revoked.0, "{}", revoked.1);
        get(&site, &made, "/api/v1/devices").await.is_problem(401, "unauthorized");
        for secret in [&token, &made] {
            assert!(!site.log().contains(secret.as_str()));
            let kept = format!("select count(*) from audit where content like '%{secret}%'");
            assert_eq!(sql(&site, &kept), "0");
        }
        // Sites: made, and a dock moved with its past.
        let north = site.post("/api/v1/sites", &json!({"name": "North"})).await.is(201);
        let north = north["site_id"].as_str().unwrap();
        site.enrol("RAWDOCK00000021").await;
        site.until("the dock in the database", "/api/v1/sites", |_| {
            sql(&site, "select count(*) from devices where sn = 'RAWDOCK00000021'") == "1"
        })
        .await;
        let moved =
            site.put("/api/v1/devices/RAWDOCK00000021/site", &json!({"site_id": north})).await;
        assert_eq!(moved.status, 204, "{}", moved.text());
        let sites = site.get("/api/v1/sites").await.is(200);
        assert_eq!(sites["devices"]["RAWDOCK00000021"], north, "{sites}");
        let audited = sql(&site, "select outcome from audit where action = 'device.move'");
        assert_eq!(audited, "ok");
    });
}

#[test]
fn supabase_lite_and_the_tower_answer_supabase_js_alike() {
    run(Load::Light, async {
        let installed = Path::new(CLIENT).join("node_modules/@supabase/lite");
        assert!(installed.exists(), "run `npm ci` in supabase/client (make test does)");
        let site = Site::start().await;
        create(&site, EMAIL, "operator").await;
        let dir = site.data_dir().join("lite");
        std::fs::create_dir(&dir).unwrap();
        let output = Command::new("node")
            .arg("alike.mjs")
            .current_dir(CLIENT)
            .env("GWANJE_URL", format!("http://{}", site.api))
            .env("GWANJE_EMAIL", EMAIL)
            .env("GWANJE_PASSWORD", PASSWORD)
            .env("LITE_DIR", &dir)
            .kill_on_drop(true)
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        let errors = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}{errors}");
        assert!(said.contains("lite answers so\nthe tower answers so"), "{said}");
    });
}
