//! Who may call, from where, and what strangers learn.

use serde_json::{Value, json};

use super::support::{API_TOKEN, Tower};

const PROTECTED: [(&str, &str); 19] = [
    ("GET", "/api/v1/devices"),
    ("GET", "/api/v1/devices/X"),
    ("POST", "/api/v1/devices/X/commands"),
    ("GET", "/api/v1/commands/X"),
    ("POST", "/api/v1/commands/X/resolve"),
    ("POST", "/api/v1/waylines"),
    ("GET", "/api/v1/waylines"),
    ("POST", "/api/v1/missions"),
    ("GET", "/api/v1/missions"),
    ("GET", "/api/v1/traces/X"),
    ("POST", "/api/v1/docks"),
    ("GET", "/api/v1/alarms"),
    ("POST", "/api/v1/alarms/X/acknowledge"),
    ("POST", "/api/v1/alarms/X/shelve"),
    ("POST", "/api/v1/alarms/X/unshelve"),
    ("GET", "/api/v1/system"),
    ("GET", "/api/v1/openapi.json"),
    ("GET", "/readyz"),
    ("GET", "/metrics"),
];

#[tokio::test]
async fn without_a_valid_token_there_is_nothing_but_401() {
    let tower = Tower::start().await;
    let wrong = format!("Bearer {API_TOKEN}0");
    let basic = format!("Basic {API_TOKEN}");
    let others = [("DELETE", "/api/v1/docks/X"), ("DELETE", "/api/v1/session")];
    let strangers = [("GET", "/api/v1/no-such-path"), ("PUT", "/api/v1/devices"), ("GET", "/api")];
    for (method, path) in PROTECTED.into_iter().chain(others).chain(strangers) {
        for headers in [
            vec![],
            vec![("authorization", wrong.as_str())],
            vec![("authorization", basic.as_str())],
            vec![("authorization", "Bearer ")],
        ] {
            let answer = tower.raw(method, path, &headers, Vec::new()).await;
            answer.is_problem(401, "unauthorized");
            assert_eq!(answer.headers["www-authenticate"], "Bearer", "{method} {path}");
        }
    }
}

#[tokio::test]
async fn the_token_in_the_subprotocol_counts_on_the_stream_only() {
    let tower = Tower::start().await;
    let offered = format!("gwanje.v1, bearer.{API_TOKEN}");
    let headers = [("sec-websocket-protocol", offered.as_str())];
    let answer = tower.raw("GET", "/api/v1/devices", &headers, Vec::new()).await;
    answer.is_problem(401, "unauthorized");
    let answer = tower.raw("GET", "/api/v1/stream", &headers, Vec::new()).await;
    answer.is_problem(400, "not_a_websocket");
}

#[tokio::test]
async fn health_needs_no_token_and_answers_with_all_security_headers() {
    let tower = Tower::start().await;
    let answer = tower.raw("GET", "/healthz", &[], Vec::new()).await;
    assert_eq!(answer.is(200), json!({"status": "ok"}));
    let refused = tower.raw("GET", "/api/v1/devices", &[], Vec::new()).await;
    for headers in [&answer.headers, &refused.headers] {
        let policy = headers["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self';"), "{policy}");
        assert!(policy.contains("frame-ancestors 'none'"), "{policy}");
        assert!(policy.contains(&format!("ws://{}", tower.address)), "{policy}");
        assert_eq!(headers["x-content-type-options"], "nosniff");
        assert_eq!(headers["referrer-policy"], "no-referrer");
        assert_eq!(headers["cross-origin-opener-policy"], "same-origin");
    }
    assert_eq!(refused.headers["cache-control"], "no-store");
}

#[tokio::test]
async fn a_foreign_origin_and_a_foreign_host_are_refused_with_a_good_token() {
    let tower = Tower::start().await;
    let bearer = format!("Bearer {API_TOKEN}");
    let check = async |name: &str, value: &str| {
        let headers = [("authorization", bearer.as_str()), (name, value)];
        tower.raw("GET", "/api/v1/devices", &headers, Vec::new()).await
    };
    check("origin", "https://evil.example").await.is_problem(403, "foreign_origin");
    check("origin", "null").await.is_problem(403, "foreign_origin");
    check("origin", "http://127.0.0.1:1").await.is_problem(403, "foreign_origin");
    check("host", "evil.example").await.is_problem(421, "unknown_host");
    check("origin", &format!("http://{}", tower.address)).await.is(200);
    check("host", "localhost").await.is(200);
    let health = tower.raw("GET", "/healthz", &[("host", "evil.example")], Vec::new()).await;
    health.is_problem(421, "unknown_host");
}

async fn sign_in(tower: &Tower, code: &str) -> super::support::Answer {
    let body = serde_json::to_vec(&json!({"code": code})).unwrap();
    tower.raw("POST", "/api/v1/session", &[("content-type", "application/json")], body).await
}

#[tokio::test]
async fn a_sign_in_code_works_once_and_its_session_until_sign_out() {
    let tower = Tower::start().await;
    let code = tower.tokens.issue_code(std::time::Duration::from_mins(10)).unwrap();
    let session = sign_in(&tower, &code).await.is(200);
    sign_in(&tower, &code).await.is_problem(401, "unauthorized");
    assert!(session["who"].as_str().unwrap().starts_with("session:"), "{session}");
    assert!(session["expires_ms"].as_i64().unwrap() > 0);
    let bearer = format!("Bearer {}", session["token"].as_str().unwrap());
    let headers = [("authorization", bearer.as_str())];
    tower.raw("GET", "/api/v1/devices", &headers, Vec::new()).await.is(200);
    let out = tower.raw("DELETE", "/api/v1/session", &headers, Vec::new()).await;
    assert_eq!(out.status, 204);
    let after = tower.raw("GET", "/api/v1/devices", &headers, Vec::new()).await;
    after.is_problem(401, "unauthorized");
    let api = tower.call("DELETE", "/api/v1/session", &Value::Null).await;
    api.is_problem(409, "not_a_session");
}

#[tokio::test]
async fn guessing_codes_is_slowed_down() {
    let tower = Tower::start().await;
    for _ in 0..10 {
        sign_in(&tower, "guess").await.is_problem(401, "unauthorized");
    }
    let answer = sign_in(&tower, "guess").await;
    answer.is_problem(429, "too_many_attempts");
    assert!(answer.headers.contains_key("retry-after"));
}
