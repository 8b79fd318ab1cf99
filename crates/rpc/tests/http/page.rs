//! The page at `/` and its files.

use std::collections::BTreeSet;

use cairn_rpc::EventType;

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

#[test]
fn the_script_finds_what_it_fills_and_hears_what_is_sent() {
    let server = TestServer::start();
    let (page, script) = (server.get("/"), server.get("/assets/app.js"));
    let between = |text: &str, start: &str| -> Vec<String> {
        text.split(start).skip(1).filter_map(|rest| rest.split('"').next()).map(str::to_owned).collect()
    };
    let ids = between(page.text(), " id=\"");
    let distinct: BTreeSet<&String> = ids.iter().collect();
    assert_eq!(ids.len(), distinct.len(), "an id is given once");
    let wanted = between(script.text(), "$(\"");
    assert!(wanted.len() > 40, "{wanted:?}");
    for id in wanted {
        assert!(distinct.contains(&id), "the page has no {id}");
    }
    let heard: BTreeSet<String> = between(script.text(), "events.addEventListener(\"").into_iter().collect();
    let types = script.text().split("/events?types=").nth(1).unwrap().split('"').next().unwrap();
    for kind in types.split(',') {
        assert!(EventType::named(kind).is_some(), "{kind} is no type of event");
        assert!(kind == "ping" || heard.contains(kind), "nobody listens to {kind}");
    }
    for panel in ["wallet", "pool", "peers", "transaction", "address", "block"] {
        assert!(page.text().contains(&format!("<section id=\"{panel}\"")), "no panel {panel}");
    }
}

#[test]
fn the_page_shows_a_wallet_only_where_there_is_one() {
    let server = TestServer::start();
    let page = server.get("/");
    let wallet = page.text().split("<section id=\"wallet\"").nth(1).unwrap();
    assert!(wallet.split('>').next().unwrap().ends_with("hidden"), "hidden until the node tells of one");
    assert!(!page.text().contains(crate::wire::TOKEN), "no token in the page");
}
