//! Makes consensus decisions durable: block and undo files, coins, tip, indexes, events.
