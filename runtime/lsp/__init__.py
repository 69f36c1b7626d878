"""The language server: views of the words, the diagnostics and the Plan of open files; torch is never imported."""
