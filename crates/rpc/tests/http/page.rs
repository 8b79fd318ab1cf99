//! The page at `/` and its files.

use crate::wire::TestServer;

#[test]
fn the_page_and_its_files_are_served_under_a_strict_policy() {
    let server = TestServer::start();
    for (path, kind) in [
        ("/", "text/html; charset=utf-8"),
        ("/assets/app.js", "text/javascript; charset=utf-8"),
        ("/assets/style.css", "text/css; charset=utf-8"),
        ("/assets/icon.svg", "image/svg+xml"),
    ] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (200, Some(kind)), "{path}");
        assert!(!answer.body.is_empty());
        let policy = answer.header("content-security-policy").unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'; style-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        assert_eq!(answer.header("x-content-type-options"), Some("nosniff"));
    }
    let error = server.get("/no/such/path");
    assert!(error.header("content-security-policy").is_some(), "errors too");
}

#[test]
fn the_page_is_whole_and_puts_in_text_only() {
    let server = TestServer::start();
    let page = server.get("/");
    let linked: Vec<&str> =
        page.text().split('"').filter(|part| part.starts_with('/') && !part.contains('<')).collect();
    assert!(linked.len() >= 4);
    for path in linked {
        assert_eq!(server.get(path).status, 200, "{path}");
    }
    let script = server.get("/assets/app.js");
    for text in [page.text(), script.text(), server.get("/assets/style.css").text()] {
        for outside in ["http://", "https://", "//cdn", "@import"] {
            assert!(!text.contains(outside), "the page needs nothing from elsewhere: {outside}");
        }
    }
    for sink in ["innerHTML", "outerHTML", "insertAdjacentHTML", "document.write", "eval(", "new Function"] {
        assert!(!script.text().contains(sink), "{sink} would make markup of chain data");
    }
    assert!(
        !page.text().contains("style=") && !page.text().contains("onclick"),
        "the policy forbids inline code"
    );
}
