//! A wire that can be cut: passes the bytes of connections on until told not to.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

/// Passes connections to `addr` on to another address, while it is not cut.
pub(crate) struct Proxy {
    pub(crate) addr: SocketAddr,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    cut: bool,
    open: Vec<TcpStream>,
}

impl Proxy {
    pub(crate) fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let addr = listener.local_addr().expect("it listens");
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                // A refused connection is closed at once, as it is dropped.
                let _ = pass(stream, target, &shared);
            }
        });
        Self { addr, state }
    }

    /// Closes every connection and refuses new ones.
    pub(crate) fn cut(&self) {
        let mut state = self.state.lock().expect("no test thread panics with it");
        state.cut = true;
        for stream in state.open.drain(..) {
            // Closed already is as good.
            let _ = stream.shutdown(Shutdown::Both);
        }
    }

    pub(crate) fn heal(&self) {
        self.state.lock().expect("no test thread panics with it").cut = false;
    }
}

fn pass(near: TcpStream, target: SocketAddr, state: &Mutex<State>) -> io::Result<()> {
    let mut state = state.lock().expect("no test thread panics with it");
    if state.cut {
        return Ok(());
    }
    let far = TcpStream::connect(target)?;
    for (mut from, mut to) in [(near.try_clone()?, far.try_clone()?), (far.try_clone()?, near.try_clone()?)] {
        thread::spawn(move || {
            let _ = io::copy(&mut from, &mut to);
            let _ = to.shutdown(Shutdown::Both);
        });
    }
    state.open.extend([near, far]);
    Ok(())
}
