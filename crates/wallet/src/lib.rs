//! Keys, coins, coin selection and signing; owns no network.
