//! Every rule a header, block or transaction must keep, and which chain is best.
