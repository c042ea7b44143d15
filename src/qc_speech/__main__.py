"""`python -m qc_speech`: the same as `qc-speech`."""

from qc_speech.cli import main

if __name__ == "__main__":
    main()
