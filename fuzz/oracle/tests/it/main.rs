//! The comparisons. Bounded by default; `ORACLE_MINUTES` or `ORACLE_CASES` make them deep.

mod scripts;
