//! The comparison.

use std::path::{Path, PathBuf};

use cairn_primitives::BlockHash;

use crate::Failure;
use crate::args::{Case, ImportArgs, Means, Pass};
use crate::build::{Build, Builds};
use crate::chain::{self, Chain};
use crate::child::{self, Assumed, Engine, Job, Outcome};
use crate::ours::StoreName;
use crate::table::{self, Row};

impl Case {
    pub(crate) fn engine(self) -> Engine {
        match self {
            Case::K256Sled | Case::SecpSled => Engine::Ours(StoreName::Sled),
            Case::K256Fjall | Case::SecpFjall => Engine::Ours(StoreName::Fjall),
            Case::Core => Engine::Core,
            Case::CoreFile => Engine::CoreFile,
        }
    }

    pub(crate) fn build(self) -> Build {
        match self {
            Case::K256Sled | Case::K256Fjall => Build::K256,
            Case::SecpSled | Case::SecpFjall => Build::Libsecp256k1,
            Case::Core | Case::CoreFile => Build::Kernel,
        }
    }
}

/// Runs all cases and prints the table. A case that fails is told, and the others go on.
pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let work = chain::work_dir(&args.chain)?;
    let chain = chain::prepare(&args.chain, &work)?;
    let mut rows: Vec<Row> = Vec::new();
    for pass in &args.passes {
        rows.extend(args.cases.iter().map(|case| Row::new(*case, *pass)));
    }
    let mut builds = Builds::default();
    let programs: Vec<_> =
        rows.iter().map(|row| builds.program(row.case.build()).map_err(|error| error.to_string())).collect();
    for round in 0..args.rounds {
        let mut order: Vec<usize> = (0..rows.len()).collect();
        if round % 2 == 1 {
            order.reverse();
        }
        for at in order {
            let (case, pass) = (rows[at].case, rows[at].pass);
            eprintln!("round {} of {}: {case}, {pass}", round + 1, args.rounds);
            let job = job(case, pass, &chain, &args.means, &work);
            let outcome = programs[at].as_ref().map_err(|error| Failure::from(error.clone()));
            let outcome = outcome.and_then(|program| measured(program, &job, chain.tip));
            rows[at].outcomes.push(outcome.map_err(|error| error.to_string()));
        }
    }
    table::print(&rows, &chain, args)?;
    match rows.iter().any(Row::failed) {
        true => Err("some cases failed".into()),
        false => Ok(()),
    }
}

fn job(case: Case, pass: Pass, chain: &Chain, means: &Means, work: &Path) -> Job {
    let assumed = || Assumed { tip: chain.tip, headers: chain.headers.clone() };
    Job {
        threads: means.threads,
        cache_mib: means.cache,
        assumed: (pass == Pass::Assumed).then(assumed),
        ..Job::new(case.engine(), chain.file.clone(), case_dir(work))
    }
}

/// The directory for a case's data: another for each bench that runs.
pub(crate) fn case_dir(work: &Path) -> PathBuf {
    work.join(format!("case-{}", std::process::id()))
}

/// The outcome, if the case ended where it was to.
pub(crate) fn measured(program: &Path, job: &Job, tip: BlockHash) -> Result<Outcome, Failure> {
    let outcome = child::start(program, job)?;
    if outcome.tip != tip {
        return Err(format!("it ended at {} and not at {tip}", outcome.tip).into());
    }
    Ok(outcome)
}
