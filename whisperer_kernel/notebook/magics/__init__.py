"""The magics: ``%%alice`` and her colleagues, ``%whisper``, ``%%tests``."""
