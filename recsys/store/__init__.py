"""Where states are kept: snapshots with lineage, deltas for replicas, and the lease that makes one writer."""
