//! `cairn-node`: arguments → configuration → library call.

mod args;

use std::process::ExitCode;

use cairn_bins::node::{self, ImportCommand, chain, db, snapshot};
use clap::Parser;

use args::{ChainCommand, Cli, Command, PeersArgs, PeersCommand, SnapshotCommand};

fn main() -> ExitCode {
    let cli = Cli::parse();
    cairn_bins::exit(match cli.command.unwrap_or(Command::Run(cli.run)) {
        Command::Run(args) => node::run(args.place()),
        Command::Status(args) => node::status(&args.remote()),
        Command::Peers(PeersArgs { command: None, remote }) => node::peers(&remote.remote()),
        Command::Peers(PeersArgs { command: Some(PeersCommand::Add { addr, remote }), .. }) => {
            node::add_peer(&remote.remote(), addr)
        }
        Command::Sync(args) => node::sync(&args.remote()),
        Command::Stop(args) => node::stop(&args.remote()),
        Command::Import(args) => {
            let place = args.place.place();
            node::import(ImportCommand { place, files: args.files, headers: args.headers, json: args.json })
        }
        Command::Db(command) => db::run(command),
        Command::Snapshot(SnapshotCommand::Dump { file, args }) => {
            snapshot::dump(args.place.place(), &file, args.json)
        }
        Command::Snapshot(SnapshotCommand::Load { file, coins_hash, args }) => {
            snapshot::load(args.place.place(), &file, coins_hash, args.json)
        }
        Command::VerifyBlock(args) => node::verify_block(&args),
        Command::ExplainTx(args) => node::explain_tx(&args),
        Command::Chain(ChainCommand::New { path, extends, force }) => chain::new(&path, &extends, force),
        Command::Chain(ChainCommand::Check { chain, json }) => chain::check(&chain, json),
        Command::Chain(ChainCommand::Show { chain, json }) => chain::show(&chain, json),
        Command::Chain(ChainCommand::MineGenesis { path, threads, write, json }) => {
            chain::mine_genesis(&path, threads, write, json)
        }
    })
}
