//! The command line of `cairn-wallet`.

use std::path::PathBuf;

use cairn_bins::wallet::{BumpCommand, Context, Delivery, NewWallet, Rate, SendCommand, Watched};
use cairn_wallet::{Purpose, Speed, WordCount};
use clap::{Args, Parser, Subcommand};

/// A wallet for Bitcoin-style chains. It asks a node that keeps the indexes of transactions and addresses.
///
/// The passphrase comes from --passphrase-file, from CAIRN_PASSPHRASE, or is asked for on the terminal; it is never a flag.
#[derive(Debug, Parser)]
#[command(name = "cairn-wallet", version, arg_required_else_help = true)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) context: ContextArgs,
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Args)]
pub(crate) struct ContextArgs {
    /// A preset or the path of a spec file [default: the chain in cairn.toml in the data directory].
    #[arg(long, global = true, env = "CAIRN_CHAIN", value_name = "NAME|PATH.toml")]
    chain: Option<String>,
    /// Where data is kept; wallets are in <chain>/wallets [default: .cairn in the home directory].
    #[arg(long, global = true, env = "CAIRN_DATADIR", value_name = "DIR")]
    datadir: Option<PathBuf>,
    /// The wallet's name.
    #[arg(long, global = true, env = "CAIRN_WALLET", value_name = "NAME", default_value = "default")]
    wallet: String,
    /// Where the node answers.
    #[arg(
        long,
        global = true,
        env = "CAIRN_RPC_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:6333"
    )]
    node: String,
    /// A file whose first line is the wallet's passphrase.
    #[arg(long, global = true, env = "CAIRN_PASSPHRASE_FILE", value_name = "FILE")]
    passphrase_file: Option<PathBuf>,
    /// Unused addresses in a row after which a rescan stops looking [default: 20, or what the wallet was told before].
    #[arg(long, global = true, env = "CAIRN_GAP_LIMIT", value_name = "N")]
    gap_limit: Option<u32>,
    /// Show what was known last, without asking the node.
    #[arg(long, global = true)]
    offline: bool,
    /// Print JSON.
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Make a wallet, and show its words once.
    Create {
        /// How many words.
        #[arg(long, value_name = "12|24", default_value = "12", value_parser = words)]
        words: WordCount,
        #[command(flatten)]
        new: NewArgs,
    },
    /// Make a wallet of words that were written down: asked for, or read from standard input.
    Restore {
        /// A file with the words.
        #[arg(long, value_name = "FILE")]
        words_file: Option<PathBuf>,
        #[command(flatten)]
        new: NewArgs,
    },
    /// Make a wallet that watches an account or an address and cannot spend.
    #[command(group = clap::ArgGroup::new("watched").required(true))]
    Import {
        /// The extended public key of an account.
        #[arg(long, group = "watched", value_name = "XPUB")]
        xpub: Option<String>,
        /// An address.
        #[arg(long, group = "watched", value_name = "ADDRESS")]
        address: Option<String>,
        #[command(flatten)]
        purpose: PurposeArgs,
    },
    /// List the wallets of the chain.
    List,
    /// Show an address to be paid at.
    Address {
        /// One that was not shown before.
        #[arg(long)]
        new: bool,
    },
    /// Show what the wallet holds.
    Balance,
    /// Show the coins.
    Utxos,
    /// Show what happened to the wallet's money, the newest first.
    History,
    /// Pay.
    Send {
        /// Whom.
        address: String,
        /// How much, in coins.
        #[arg(required_unless_present = "all", conflicts_with = "all")]
        amount: Option<String>,
        /// Send everything; the fee comes out of it.
        #[arg(long)]
        all: bool,
        /// Do not let the transaction be replaced by one that pays more.
        #[arg(long)]
        no_rbf: bool,
        #[command(flatten)]
        delivery: DeliveryArgs,
    },
    /// Pay more for a transaction that waits.
    Bump {
        /// The transaction.
        txid: String,
        #[command(flatten)]
        delivery: DeliveryArgs,
    },
    /// Sign a PSBT, after showing what it pays, and print the transaction in hex.
    Sign {
        /// The file, `-` for standard input.
        file: PathBuf,
        /// Sign without asking.
        #[arg(long)]
        yes: bool,
    },
    /// Send a signed transaction.
    Broadcast {
        /// The file with the transaction in hex, `-` for standard input.
        file: PathBuf,
    },
    /// Show the words again.
    Backup,
    /// Show extended public keys, paths and addresses.
    Dump {
        /// Show the secret keys too: whoever sees them has the coins.
        #[arg(long, requires = "confirm_secrets")]
        secrets: bool,
        /// Confirms --secrets.
        #[arg(long, requires = "secrets")]
        confirm_secrets: bool,
    },
}

#[derive(Debug, Args)]
pub(crate) struct NewArgs {
    /// A file whose first line is the BIP39 passphrase, which changes the seed.
    #[arg(long, env = "CAIRN_BIP39_PASSPHRASE_FILE", value_name = "FILE")]
    bip39_passphrase_file: Option<PathBuf>,
    #[command(flatten)]
    purpose: PurposeArgs,
}

#[derive(Debug, Args)]
pub(crate) struct PurposeArgs {
    /// The kind of addresses: 44 (P2PKH), 84 (P2WPKH), 86 (P2TR).
    #[arg(long, env = "CAIRN_PURPOSE", value_name = "44|84|86", default_value = "84", value_parser = purpose)]
    purpose: Purpose,
}

#[derive(Debug, Args)]
pub(crate) struct DeliveryArgs {
    /// What to pay, in smallest units for a virtual byte, such as 2 or 1.5.
    #[arg(long, value_name = "SAT_PER_VB", conflicts_with = "speed")]
    fee_rate: Option<String>,
    /// What to pay, as the node estimates it.
    #[arg(long, value_name = "slow|standard|fast", default_value = "standard", value_parser = speed)]
    speed: Speed,
    /// Show the transaction, and sign and send nothing.
    #[arg(long, conflicts_with = "psbt")]
    dry_run: bool,
    /// Write the unsigned transaction to this file (`-`: standard output), for a signer elsewhere.
    #[arg(long, value_name = "FILE")]
    psbt: Option<PathBuf>,
}

fn words(text: &str) -> Result<WordCount, &'static str> {
    match text {
        "12" => Ok(WordCount::Twelve),
        "24" => Ok(WordCount::TwentyFour),
        _ => Err("12 or 24"),
    }
}

fn purpose(text: &str) -> Result<Purpose, &'static str> {
    let known = Purpose::ALL.into_iter().find(|purpose| purpose.number().to_string() == text);
    known.ok_or("44, 84 or 86")
}

fn speed(text: &str) -> Result<Speed, &'static str> {
    match text {
        "slow" => Ok(Speed::Slow),
        "standard" => Ok(Speed::Standard),
        "fast" => Ok(Speed::Fast),
        _ => Err("slow, standard or fast"),
    }
}

impl ContextArgs {
    pub(crate) fn context(self) -> Context {
        Context {
            chain: self.chain,
            datadir: self.datadir,
            wallet: self.wallet,
            node: self.node,
            passphrase_file: self.passphrase_file,
            gap_limit: self.gap_limit,
            offline: self.offline,
            json: self.json,
        }
    }
}

impl PurposeArgs {
    /// The group of the command line lets exactly one of the two through.
    pub(crate) fn watched(&self, xpub: Option<String>, address: Option<String>) -> Watched {
        match xpub {
            Some(xpub) => Watched::Xpub { xpub, purpose: self.purpose },
            None => Watched::Address(address.unwrap_or_default()),
        }
    }
}

impl NewArgs {
    pub(crate) fn create(self, words: WordCount) -> NewWallet {
        self.wallet(words, None)
    }

    pub(crate) fn restore(self, words_file: Option<PathBuf>) -> NewWallet {
        self.wallet(WordCount::Twelve, words_file)
    }

    fn wallet(self, words: WordCount, words_file: Option<PathBuf>) -> NewWallet {
        let purpose = self.purpose.purpose;
        NewWallet { words, bip39_passphrase_file: self.bip39_passphrase_file, purpose, words_file }
    }
}

impl DeliveryArgs {
    fn parts(self) -> (Rate, Delivery) {
        let rate = self.fee_rate.map_or(Rate::Speed(self.speed), Rate::PerVb);
        let how = match (self.dry_run, self.psbt) {
            (true, _) => Delivery::DryRun,
            (false, Some(path)) => Delivery::Psbt(path),
            (false, None) => Delivery::Send,
        };
        (rate, how)
    }

    pub(crate) fn send(self, address: String, amount: Option<String>, no_rbf: bool) -> SendCommand {
        let (rate, how) = self.parts();
        SendCommand { address, amount, rate, replaceable: !no_rbf, how }
    }

    pub(crate) fn bump(self, txid: String) -> BumpCommand {
        let (rate, how) = self.parts();
        BumpCommand { txid, rate, how }
    }
}
