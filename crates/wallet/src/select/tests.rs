use super::*;
use cairn_primitives::Hash160;
use proptest::prelude::*;

fn p2wpkh() -> Script {
    Script::p2wpkh(Hash160::from_bytes([7; 20]))
}

fn coin(value: u64) -> Candidate {
    coin_of(value, &p2wpkh())
}

fn coin_of(value: u64, script: &Script) -> Candidate {
    Candidate { value: Amount::from_sat(value), spend: SpendSize::of(script).unwrap() }
}

fn payment(value: u64, rate: u64) -> Payment {
    let output = TxOut { value: Amount::from_sat(value), script_pubkey: p2wpkh() };
    let rate = FeeRate::from_sat_per_kvb(rate);
    Payment { outputs: vec![output], change: p2wpkh(), rate, replaces: None }
}

/// One input, one output: 110 virtual bytes; with change 141.
const PLAIN: u64 = 110;
const WITH_CHANGE: u64 = 141;

#[test]
fn a_coin_that_pays_exactly_needs_no_change() {
    let found = payment(50_000, 1_000).select(&[], &[coin(90_000), coin(50_000 + PLAIN)]).unwrap();
    assert_eq!((found.picked, found.method), (vec![1], Method::BranchAndBound));
    assert_eq!((found.fee, found.change, found.vsize), (Amount::from_sat(PLAIN), None, PLAIN));
}

#[test]
fn change_is_made_from_the_dust_limit_on() {
    let with_rest =
        |rest: u64| payment(50_000, 1_000).select(&[], &[coin(50_000 + WITH_CHANGE + rest)]).unwrap();
    let found = with_rest(294);
    assert_eq!((found.change, found.fee), (Some(Amount::from_sat(294)), Amount::from_sat(WITH_CHANGE)));
    let found = with_rest(293);
    assert_eq!((found.change, found.fee), (None, Amount::from_sat(WITH_CHANGE + 293)));
}

#[test]
fn a_coin_below_its_own_fee_is_left_alone() {
    // 68 virtual bytes at 10 a byte.
    assert_eq!(payment(1_000, 10_000).by_effective_value(&[coin(680), coin(681)]), [1]);
}

#[test]
fn the_smallest_single_coin_comes_before_many() {
    let coins = [coin(1_000_000), coin(200_000), coin(60_000), coin(40_000)];
    let found = payment(150_000, 1_000).select(&[], &coins).unwrap();
    assert_eq!((found.picked, found.method), (vec![1], Method::SmallestSingle));
}

#[test]
fn where_no_coin_is_enough_the_largest_come_first() {
    let coins = [coin(10_000), coin(70_000), coin(30_000), coin(80_000)];
    let found = payment(120_000, 1_000).select(&[], &coins).unwrap();
    assert_eq!((found.picked, found.method), (vec![1, 3], Method::LargestFirst));
    assert_eq!(found.change.unwrap().to_sat() + found.fee.to_sat(), 30_000);
}

#[test]
fn one_unit_less_than_needed_is_a_shortfall() {
    let short = payment(50_000, 1_000).select(&[], &[coin(50_000 + PLAIN - 1)]).unwrap_err();
    assert_eq!(short.needed, Amount::from_sat(50_000 + PLAIN));
    assert_eq!(short.available, Amount::from_sat(50_000 + PLAIN - 1));
    assert!(payment(50_000, 1_000).select(&[], &[coin(50_000 + PLAIN)]).is_ok());
    let none = payment(50_000, 1_000).select(&[], &[]).unwrap_err();
    assert_eq!(none.available, Amount::ZERO);
}

#[test]
fn a_replacement_pays_the_old_fee_and_its_own_relay() {
    let mut payment = payment(50_000, 1_000);
    payment.replaces = Some(Amount::from_sat(5_000));
    let found = payment.select(&[coin(100_000)], &[]).unwrap();
    assert_eq!((found.method, found.fee), (Method::Required, Amount::from_sat(5_000 + WITH_CHANGE)));
    payment.rate = FeeRate::from_sat_per_kvb(100_000);
    let found = payment.select(&[coin(100_000)], &[]).unwrap();
    assert_eq!(found.fee, Amount::from_sat(100 * WITH_CHANGE), "the rate asks for more");
}

#[test]
fn everything_is_sent_down_to_the_dust_limit() {
    let mut all = payment(0, 1_000);
    all.outputs.clear();
    let found = all.drain(&[coin(20_000), coin(30_000), coin(50)]).unwrap();
    assert_eq!((found.picked, found.vsize), (vec![0, 1], 178));
    assert_eq!(found.change, Some(Amount::from_sat(50_000 - 178)));
    assert!(all.drain(&[coin(PLAIN + 294)]).is_ok());
    let short = all.drain(&[coin(PLAIN + 293)]).unwrap_err();
    assert_eq!((short.needed.to_sat(), short.available.to_sat()), (PLAIN + 294, PLAIN + 293));
}

fn any_coin() -> impl Strategy<Value = Candidate> {
    let forms = [Script::p2pkh(Hash160::from_bytes([1; 20])), p2wpkh(), Script::p2tr([1; 32])];
    (1_u64..100_000, 0..forms.len()).prop_map(move |(value, form)| coin_of(value, &forms[form]))
}

/// Whether some of the coins pay for it, by looking at every choice.
fn can_pay(payment: &Payment, coins: &[Candidate]) -> bool {
    (1_u32..1 << coins.len()).any(|mask| {
        let mut purse = payment.purse(&[]);
        let taken = coins.iter().enumerate().filter(|(at, _)| mask & (1 << at) != 0);
        taken.for_each(|(_, coin)| purse.add(coin));
        payment.is_enough(&purse)
    })
}

proptest! {
    #[test]
    fn what_can_be_paid_is_paid_and_adds_up(
        coins in proptest::collection::vec(any_coin(), 0..10),
        value in 1_u64..400_000,
        rate in 1_000_u64..50_000,
    ) {
        let payment = payment(value, rate);
        match payment.select(&[], &coins) {
            Ok(found) => {
                let spent: u64 = found.picked.iter().map(|&at| coins[at].value.to_sat()).sum();
                let change = found.change.map_or(0, Amount::to_sat);
                prop_assert_eq!(spent, value + change + found.fee.to_sat());
                prop_assert!(found.fee >= payment.fee(found.vsize), "the rate is met");
                prop_assert!(found.change.is_none_or(|change| change.to_sat() >= 294));
                let lost = found.fee.to_sat() - payment.fee(found.vsize).to_sat();
                // Dust, and the change output that would have held it; parts are rounded up one by one.
                let most = 294 + payment.rate.fee(31).to_sat() + 2 * coins.len() as u64 + payment.rate.fee(4).to_sat();
                prop_assert!(lost <= most, "{lost} of at most {most}");
            }
            Err(short) => {
                prop_assert!(short.needed > short.available);
                // A coin that is hardly worth its fee may add less than rounding to whole virtual bytes takes.
                let rounding = payment.rate.fee(4).to_sat();
                if coins.iter().all(|coin| payment.effective(coin) > rounding) {
                    prop_assert!(!can_pay(&payment, &coins));
                }
            }
        }
    }
}
