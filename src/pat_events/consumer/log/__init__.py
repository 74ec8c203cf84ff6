"""Reading a log: one owner thread, partitions, offsets, rebalances."""
