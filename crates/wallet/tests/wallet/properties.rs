//! A wallet under random use, held to the chain and to the pool.

use cairn_wallet::{FeeRate, Purpose, TxBuilder, Wallet};
use proptest::prelude::*;

use crate::support::{FakeChain, Owner, paid_rate, sat, spec, stranger};

#[derive(Clone, Debug)]
enum Step {
    Give { purpose: usize, value: u64 },
    Pay { value: u64, rate: u64, own: bool },
    Bump { rate: u64 },
    Mine,
    Disconnect,
    Reload,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        3 => (0..3_usize, 500_u64..200_000).prop_map(|(purpose, value)| Step::Give { purpose, value }),
        4 => (546_u64..250_000, 1_000_u64..30_000, any::<bool>())
            .prop_map(|(value, rate, own)| Step::Pay { value, rate, own }),
        2 => (2_000_u64..90_000).prop_map(|rate| Step::Bump { rate }),
        2 => Just(Step::Mine),
        1 => Just(Step::Disconnect),
        1 => Just(Step::Reload),
    ]
}

fn take(chain: &FakeChain, owner: &mut Owner, step: &Step) {
    match step {
        Step::Give { purpose, value } => {
            if let Ok(address) = owner.wallet.new_address_of(Purpose::ALL[*purpose]) {
                chain.give(&address, *value);
            }
        }
        Step::Pay { value, rate, own } => {
            let to = if *own { owner.wallet.next_address() } else { stranger(1) };
            let rate = FeeRate::from_sat_per_kvb(*rate);
            let Ok(request) = owner.wallet.build(&TxBuilder::new(rate).pay(to, sat(*value))) else { return };
            let tx = owner.sign(&request);
            assert!(paid_rate(&request, &tx) >= rate);
            // A chain of 25 waiting transactions is the only thing that may stand in the way.
            match chain.offer(&tx) {
                Ok(_) => assert!(owner.wallet.record_sent(&tx).unwrap()),
                Err(error) => assert_eq!(error.code(), "too-long-mempool-chain"),
            }
        }
        Step::Bump { rate } => {
            let waiting = owner.wallet.history().into_iter().find(|entry| entry.block.is_none());
            let Some(entry) = waiting else { return };
            let rate = FeeRate::from_sat_per_kvb(*rate);
            let Ok(request) = owner.wallet.bump_fee(&entry.txid, rate) else { return };
            let tx = owner.sign(&request);
            assert!(paid_rate(&request, &tx) >= rate);
            chain.offer(&tx).unwrap();
            assert!(owner.wallet.record_sent(&tx).unwrap());
        }
        Step::Mine => {
            chain.mine(&stranger(9));
        }
        Step::Disconnect if chain.height() > 0 => chain.disconnect(1),
        Step::Disconnect => (),
        Step::Reload => {
            let bytes = owner.wallet.to_bytes().unwrap();
            owner.wallet = Wallet::from_bytes(&bytes, spec()).unwrap();
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(32))]

    #[test]
    fn what_the_wallet_notes_itself_is_what_a_rescan_finds(steps in proptest::collection::vec(step(), 1..25)) {
        let chain = FakeChain::new();
        let mut owner = Owner::new(6, &Purpose::ALL);
        for step in &steps {
            take(&chain, &mut owner, step);
            owner.wallet.sync(&chain).unwrap();
            let sum = owner.wallet.history().iter().map(|entry| entry.net.to_sat()).sum::<i128>();
            prop_assert_eq!(sum, i128::from(owner.wallet.balance().total().to_sat()));
        }
        let mut fresh = Owner::new(6, &Purpose::ALL);
        fresh.wallet.set_gap_limit(60).unwrap();
        fresh.wallet.sync(&chain).unwrap();
        prop_assert_eq!(owner.wallet.balance(), fresh.wallet.balance());
        prop_assert_eq!(owner.wallet.history(), fresh.wallet.history());
    }
}
