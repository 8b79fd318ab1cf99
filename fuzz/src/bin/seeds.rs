//! Writes the seeds of every target into `corpus/<target>/`, one file each.

use std::path::Path;

fn main() -> std::io::Result<()> {
    for (name, _) in cairn_fuzz::TARGETS {
        let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("corpus").join(name);
        std::fs::create_dir_all(&dir)?;
        let seeds = cairn_fuzz::seeds(name);
        for (number, seed) in seeds.iter().enumerate() {
            std::fs::write(dir.join(format!("seed-{number:03}")), seed)?;
        }
        println!("{name}: {} seeds", seeds.len());
    }
    Ok(())
}
