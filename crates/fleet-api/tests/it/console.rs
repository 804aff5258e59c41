//! The console's files and the viewer, which anybody may load.

use super::support::Tower;

#[tokio::test]
async fn pages_need_no_token_and_are_html_whether_built_or_not() {
    let tower = Tower::start().await;
    let html = [("accept", "text/html,*/*;q=0.8")];
    for path in ["/", "/devices/SIM1"] {
        let answer = tower.raw("GET", path, &html, Vec::new()).await;
        assert_eq!(answer.status, 200, "{path}");
        assert_eq!(answer.headers["content-type"], "text/html; charset=utf-8");
        assert!(answer.headers.contains_key("content-security-policy"));
    }
    for path in ["/assets/gone-0.js", "/../Cargo.toml", "/favicon.gone"] {
        let answer = tower.raw("GET", path, &[("accept", "*/*")], Vec::new()).await;
        answer.is_problem(404, "not_found");
    }
}

#[tokio::test]
async fn the_viewer_asks_nobody_but_the_tower() {
    let tower = Tower::start().await;
    let redirect = tower.raw("GET", "/api-docs", &[], Vec::new()).await;
    assert_eq!(
        (redirect.status.as_u16(), &redirect.headers["location"]),
        (308, &"/api-docs/".parse().unwrap())
    );
    for (path, kind) in [
        ("/api-docs/", "text/html; charset=utf-8"),
        ("/api-docs/viewer.js", "text/javascript; charset=utf-8"),
        ("/api-docs/viewer.css", "text/css; charset=utf-8"),
    ] {
        let answer = tower.raw("GET", path, &[], Vec::new()).await;
        assert_eq!(
            (answer.status.as_u16(), &answer.headers["content-type"]),
            (200, &kind.parse().unwrap())
        );
        let text = String::from_utf8(answer.body.to_vec()).unwrap();
        assert!(!text.contains("://"), "{path} names another address");
    }
    let gone = tower.raw("GET", "/api-docs/x", &[], Vec::new()).await;
    gone.is_problem(404, "not_found");
}
