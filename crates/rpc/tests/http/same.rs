//! The client against the node it speaks for.

use std::fmt::Debug;

use cairn_rpc::{ApiError, Client, ClientError};

use crate::fake::FakeNode;
use crate::wire::TestServer;

/// The client gives over HTTP what the node gives in process.
pub(crate) fn same<T: PartialEq + Debug>(
    server: &TestServer,
    ask_node: impl Fn(&FakeNode) -> Result<T, ApiError>,
    ask_client: impl Fn(&Client) -> Result<T, ClientError>,
) -> T {
    let remote = ask_client(&server.client()).unwrap();
    assert_eq!(remote, ask_node(&server.node).unwrap());
    remote
}

/// Asks the node in process and over HTTP, and gives the answer both gave.
#[macro_export]
macro_rules! same {
    ($server:expr, $($call:tt)+) => {
        $crate::same::same(&$server, |node| node.$($call)+, |client| client.$($call)+)
    };
}
