//! The search for coins that match a payment so well that no change is needed.

/// Most steps of one search (Core's `TOTAL_TRIES`).
pub(super) const MAX_TRIES: usize = 100_000;

/// A coin as the search sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Item {
    /// What it adds to a payment: its value less the fee of spending it, in smallest units. Above zero.
    pub(super) effective: u64,
    /// What spending it now costs over spending it at the long-term rate, in smallest units.
    pub(super) waste: i64,
}

/// Looks for the items with effective values summing to `target` at least and `upper` at most that waste least; gives
/// their positions, ascending. `items` stand in descending order of effective value.
///
/// Goes through the tree of choices depth first, taking an item before leaving it out, and turns back where no match
/// can follow. After `tries` steps it gives the best match so far; `None` where none was found.
pub(super) fn search(items: &[Item], target: u64, upper: u64, tries: usize) -> Option<Vec<usize>> {
    let rest = suffix_sums(items);
    let waste_grows = items.iter().all(|item| item.waste >= 0);
    let (target, upper) = (u128::from(target), u128::from(upper));
    let mut chosen: Vec<usize> = Vec::new();
    let (mut sum, mut waste, mut next) = (0_u128, 0_i128, 0_usize);
    let mut best: Option<(i128, Vec<usize>)> = None;
    for _ in 0..tries {
        let beaten = |by: i128| best.as_ref().is_some_and(|(least, _)| by >= *least);
        let alive = sum <= upper && sum + rest[next] >= target && !(waste_grows && beaten(waste));
        if alive && sum >= target {
            let total = waste + (sum - target) as i128;
            if !beaten(total) {
                best = Some((total, chosen.clone()));
            }
        }
        if alive && next < items.len() {
            chosen.push(next);
            sum += u128::from(items[next].effective);
            waste += i128::from(items[next].waste);
            next += 1;
            continue;
        }
        let Some(last) = chosen.pop() else { break };
        sum -= u128::from(items[last].effective);
        waste -= i128::from(items[last].waste);
        // What is left out leaves out its equals: to take one of them instead would change nothing.
        next = last + 1;
        while next < items.len() && items[next] == items[last] {
            next += 1;
        }
    }
    best.map(|(_, positions)| positions)
}

/// At each position the sum of the effective values from there on; zero at the end.
fn suffix_sums(items: &[Item]) -> Vec<u128> {
    let mut sums = vec![0; items.len() + 1];
    for (position, item) in items.iter().enumerate().rev() {
        sums[position] = sums[position + 1] + u128::from(item.effective);
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn items(list: &[(u64, i64)]) -> Vec<Item> {
        let mut items: Vec<Item> = list.iter().map(|&(effective, waste)| Item { effective, waste }).collect();
        items.sort_by_key(|item| std::cmp::Reverse(item.effective));
        items
    }

    /// What a choice wastes: that of its items, and what they hold beyond the target.
    fn total_waste(chosen: impl IntoIterator<Item = Item>, target: u64) -> i128 {
        let add =
            |(sum, waste), item: Item| (sum + i128::from(item.effective), waste + i128::from(item.waste));
        let (sum, waste) = chosen.into_iter().fold((0_i128, 0_i128), add);
        waste + sum - i128::from(target)
    }

    /// The least waste of all subsets that match, by looking at each.
    fn exhaustive(items: &[Item], target: u64, upper: u64) -> Option<i128> {
        (0_u32..1 << items.len())
            .map(|mask| {
                let taken = |position: &usize| mask & (1 << position) != 0;
                (0..items.len()).filter(taken).map(|position| items[position]).collect::<Vec<_>>()
            })
            .filter(|set| {
                let sum: u64 = set.iter().map(|item| item.effective).sum();
                (target..=upper).contains(&sum)
            })
            .map(|set| total_waste(set, target))
            .min()
    }

    #[test]
    fn the_window_is_closed_at_both_ends() {
        let coins = items(&[(10, 0)]);
        assert_eq!(search(&coins, 10, 10, MAX_TRIES), Some(vec![0]));
        assert_eq!(search(&coins, 11, 20, MAX_TRIES), None, "one below the target");
        assert_eq!(search(&coins, 5, 9, MAX_TRIES), None, "one above the window");
        assert_eq!(search(&[], 1, 9, MAX_TRIES), None);
    }

    #[test]
    fn the_tries_are_a_limit() {
        // The only match leaves out all but the last: many steps down the tree.
        let coins: Vec<Item> = (0..20).map(|i| Item { effective: (1 << 21) - i, waste: 0 }).collect();
        let last = coins[19].effective;
        let needed = (1..).find(|tries| search(&coins, last, last, *tries).is_some()).unwrap();
        assert!(needed > 20);
        assert_eq!(search(&coins, last, last, needed - 1), None);
        assert_eq!(search(&coins, last, last, needed), Some(vec![19]));
    }

    #[test]
    fn a_thousand_equal_coins_take_no_time() {
        let coins = vec![Item { effective: 7, waste: 1 }; 1_000];
        assert_eq!(search(&coins, 6_999, 6_999, MAX_TRIES), None, "no multiple of seven");
        assert_eq!(search(&coins, 6_993, 6_993, MAX_TRIES).unwrap().len(), 999);
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(512))]

        #[test]
        fn it_finds_the_best_match_where_there_is_one(
            list in proptest::collection::vec((1_u64..60, -20_i64..20), 0..11),
            negative in any::<bool>(),
            target in 1_u64..200,
            window in 0_u64..20,
        ) {
            let list: Vec<_> =
                list.into_iter().map(|(value, waste)| (value, if negative { waste } else { waste.abs() })).collect();
            let coins = items(&list);
            let found = search(&coins, target, target + window, MAX_TRIES);
            let least = exhaustive(&coins, target, target + window);
            if let Some(positions) = &found {
                let sum: u64 = positions.iter().map(|&at| coins[at].effective).sum();
                prop_assert!((target..=target + window).contains(&sum));
                prop_assert!(positions.is_sorted_by(|a, b| a < b));
            }
            let waste = found.map(|positions| total_waste(positions.iter().map(|&at| coins[at]), target));
            prop_assert_eq!(waste, least);
        }
    }
}
