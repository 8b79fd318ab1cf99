//! What waits to be sent to a peer.

use tokio::sync::{mpsc, watch};

/// Memory a waiting frame takes beside its bytes, generously.
const FRAME_COST: usize = 64;

/// A message on its way out.
#[derive(Debug)]
pub(super) struct Frame {
    pub(super) bytes: Vec<u8>,
    /// Whether it answers a request for a block.
    pub(super) is_block: bool,
}

impl Frame {
    fn cost(&self) -> usize {
        self.bytes.len() + FRAME_COST
    }
}

/// More waits for the peer than may.
#[derive(Debug)]
pub(super) struct Full;

/// The end where frames are put in. What waits is bounded in bytes.
#[derive(Clone, Debug)]
pub(super) struct Outgoing {
    frames: mpsc::UnboundedSender<Frame>,
    level: watch::Sender<usize>,
    limit: usize,
}

/// The end where frames are taken out.
#[derive(Debug)]
pub(super) struct Waiting {
    frames: mpsc::UnboundedReceiver<Frame>,
    level: watch::Sender<usize>,
}

/// A queue that takes frames up to `limit` bytes, and any one frame when it is empty.
pub(super) fn queue(limit: usize) -> (Outgoing, Waiting) {
    let (sender, frames) = mpsc::unbounded_channel();
    let (level, _) = watch::channel(0);
    (Outgoing { frames: sender, level: level.clone(), limit }, Waiting { frames, level })
}

impl Outgoing {
    /// Puts a frame behind the others.
    pub(super) fn push(&self, frame: Frame) -> Result<(), Full> {
        let cost = frame.cost();
        let fits = self.level.send_if_modified(|level| {
            let fits = *level == 0 || *level + cost <= self.limit;
            *level += if fits { cost } else { 0 };
            fits
        });
        if !fits {
            return Err(Full);
        }
        // Nobody takes frames out only when the connection is ending.
        let _ = self.frames.send(frame);
        Ok(())
    }

    /// Waits until less than `mark` bytes wait.
    pub(super) async fn below(&self, mark: usize) {
        // This end holds a sender too, so the channel does not close.
        let _ = self.level.subscribe().wait_for(|level| *level < mark).await;
    }
}

impl Waiting {
    /// The next frame; `None` when no more can come. It counts until [`sent`](Self::sent).
    pub(super) async fn next(&mut self) -> Option<Frame> {
        self.frames.recv().await
    }

    /// The frame is gone.
    pub(super) fn sent(&self, frame: &Frame) {
        self.level.send_modify(|level| *level -= frame.cost());
    }
}

impl Drop for Waiting {
    /// Nothing will be sent any more, so nobody is to wait for it.
    fn drop(&mut self) {
        self.level.send_replace(0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(length: usize) -> Frame {
        Frame { bytes: vec![0; length - FRAME_COST], is_block: false }
    }

    #[tokio::test]
    async fn bytes_are_taken_up_to_the_limit() {
        let (outgoing, mut waiting) = queue(1_000);
        outgoing.push(frame(600)).unwrap();
        outgoing.push(frame(400)).unwrap();
        outgoing.push(frame(100)).unwrap_err();
        let first = waiting.next().await.unwrap();
        outgoing.push(frame(100)).unwrap_err();
        waiting.sent(&first);
        outgoing.push(frame(100)).unwrap();
        outgoing.push(frame(501)).unwrap_err();
        outgoing.push(frame(500)).unwrap();
    }

    #[tokio::test]
    async fn an_empty_queue_takes_one_of_any_length() {
        let (outgoing, _waiting) = queue(1_000);
        outgoing.push(frame(5_000)).unwrap();
        outgoing.push(frame(100)).unwrap_err();
    }

    #[tokio::test]
    async fn who_waits_for_the_mark_goes_on_below_it() {
        let (outgoing, mut waiting) = queue(1_000);
        outgoing.push(frame(500)).unwrap();
        outgoing.below(501).await;
        let below = outgoing.below(500);
        tokio::pin!(below);
        let still = tokio::time::timeout(std::time::Duration::from_millis(20), &mut below).await;
        assert!(still.is_err());
        let first = waiting.next().await.unwrap();
        waiting.sent(&first);
        below.await;
    }
}
