//! `cairn-wallet`: arguments → library call.

mod args;

use std::process::ExitCode;

use cairn_bins::wallet;
use clap::Parser;

use args::{Cli, Command};

fn main() -> ExitCode {
    let Cli { context, command } = Cli::parse();
    let context = context.context();
    cairn_bins::exit(match command {
        Command::Create { words, new } => wallet::create(&context, &new.create(words)),
        Command::Restore { words_file, new } => wallet::restore(&context, &new.restore(words_file)),
        Command::Import { xpub, address, purpose } => {
            wallet::import(&context, &purpose.watched(xpub, address))
        }
        Command::List => wallet::list(&context),
        Command::Address { new } => wallet::address(&context, new),
        Command::Balance => wallet::balance(&context),
        Command::Utxos => wallet::utxos(&context),
        Command::History => wallet::history(&context),
        Command::Send { address, amount, no_rbf, delivery, .. } => {
            wallet::send(&context, &delivery.send(address, amount, no_rbf))
        }
        Command::Bump { txid, delivery } => wallet::bump(&context, &delivery.bump(txid)),
        Command::Sign { file, yes } => wallet::sign(&context, &file, yes),
        Command::Broadcast { file } => wallet::broadcast(&context, &file),
        Command::Backup => wallet::backup(&context),
        Command::Dump { secrets, .. } => wallet::dump(&context, secrets),
    })
}
