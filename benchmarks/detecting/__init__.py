"""Parts of `benchmarks/detection.py`: real series, injected attacks, real labels, counting."""
