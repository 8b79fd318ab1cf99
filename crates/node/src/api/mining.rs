//! Templates, submitted blocks, blocks on demand.

use cairn_chainstate::{SubmitError, Submitted};
use cairn_primitives::{Block, Decode, Script, hex};
use cairn_rpc::{
    ApiError, Deadline, MineRequest, Mined, MiningTemplate, Submission, SubmitRequest, TemplateLimits,
};
use tracing::error;

use super::Service;
use crate::mining::OnDemand;
use crate::writer::SubmitFailure;

impl Service {
    pub(super) fn template(&self, address: Option<&str>) -> Result<MiningTemplate, ApiError> {
        let payout = address.map(|text| self.parse_address(text)).transpose()?.map(|a| a.script_pubkey());
        let template = self.mining.template(payout.as_ref().unwrap_or(&Script::new())).map_err(|error| {
            error!(%error, "no template");
            ApiError::NotReady { why: "no block can be built on the tip" }
        })?;
        let limits = &self.spec().limits;
        let limits = TemplateLimits { weight: limits.block_weight, sigop_cost: limits.sigop_cost };
        Ok(MiningTemplate::new(&template, payout.is_some(), limits, &self.notation.currency))
    }

    pub(super) fn submit(&self, request: &SubmitRequest) -> Result<Submission, ApiError> {
        let bad = |rule| ApiError::InvalidParameter { name: "block_hex", rule };
        let bytes = hex::decode(&request.block_hex).map_err(|_| bad("must be hex"))?;
        let block = <Block as Decode>::from_bytes(&bytes).map_err(|_| bad("must be a whole block"))?;
        let hash = block.hash();
        let (accepted, reason) = match self.writer.submit(block) {
            Ok(Submitted::AlreadyKnown) => (true, Some("duplicate".to_owned())),
            Ok(Submitted::Stored) => (true, Some("inconclusive".to_owned())),
            Ok(Submitted::Connected { .. } | Submitted::Reorged { .. }) => (true, None),
            Err(SubmitFailure::Refused(SubmitError::State(error))) => return Err(super::unreadable(error)),
            Err(SubmitFailure::Refused(error)) => (false, Some(error.code().to_owned())),
            Err(SubmitFailure::Stopping) => return Err(ApiError::Stopping),
        };
        let height = self.reader.header(&hash).map(|info| info.height);
        Ok(Submission { accepted, reason, hash, height })
    }

    pub(super) fn mine_blocks(&self, request: &MineRequest, deadline: &Deadline) -> Result<Mined, ApiError> {
        let payout = self.parse_address(&request.address)?.script_pubkey();
        let mut hashes = Vec::new();
        while hashes.len() < request.blocks as usize && !deadline.has_passed() {
            match self.mining.mine_one(&payout, deadline, &self.stop) {
                Ok(block) => hashes.push(block.hash()),
                Err(OnDemand::Deadline) => break,
                Err(error) => return Err(no_block(error)),
            }
        }
        Ok(Mined {
            requested: request.blocks,
            mined: hashes.len() as u32,
            hashes,
            height: self.reader.tip().height,
        })
    }
}

fn no_block(failure: OnDemand) -> ApiError {
    match failure {
        OnDemand::Submit(SubmitFailure::Refused(SubmitError::State(error))) => super::unreadable(error),
        OnDemand::Submit(SubmitFailure::Refused(error)) => ApiError::Rejected { reason: error.code() },
        OnDemand::Submit(SubmitFailure::Stopping) => ApiError::Stopping,
        OnDemand::Template(error) => {
            error!(%error, "no template");
            ApiError::NotReady { why: "no block can be built on the tip" }
        }
        OnDemand::Deadline | OnDemand::Workers => ApiError::Internal { what: "the search could not be run" },
    }
}
