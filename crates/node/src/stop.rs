//! The order to stop, from a signal, over HTTP or from the program that embeds the node.

use tokio::sync::watch;

use crate::error::NodeError;

/// Can be asked to stop once, from anywhere, and be waited for. Clones are the same order.
#[derive(Debug, Clone)]
pub struct Stop {
    sender: watch::Sender<bool>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { sender: watch::channel(false).0 }
    }
}

impl Stop {
    /// Not asked yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Is asked when the process gets SIGINT or SIGTERM (on Windows: Ctrl-C or the console closes).
    ///
    /// # Errors
    /// [`NodeError::Signals`] if the handlers cannot be set, or were set before in this process.
    pub fn on_signals() -> Result<Self, NodeError> {
        let stop = Self::new();
        let asked = stop.clone();
        ctrlc::set_handler(move || asked.ask()).map_err(NodeError::Signals)?;
        Ok(stop)
    }

    /// Asks to stop.
    pub fn ask(&self) {
        self.sender.send_replace(true);
    }

    /// Whether it was asked.
    pub fn is_asked(&self) -> bool {
        *self.sender.borrow()
    }

    /// Waits until it is asked.
    pub async fn wait(&self) {
        // The sender lives as long as `self`, so waiting cannot fail.
        let _ = self.sender.subscribe().wait_for(|asked| *asked).await;
    }
}
