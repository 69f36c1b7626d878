"""The pages of mistakes that no spec shows: those found in data by `check --data`, and those that stop a run."""

from __future__ import annotations

DATA_PAGES = {
    "missing-file": """A file that `data` names is not there, or no file matches a pattern.

Paths are relative to the folder of the spec, not to the folder where the command is run.""",
    "not-a-file": """A path in `data` is a folder. Name its files: `"runs/*.csv"` takes all that match.""",
    "unreadable-file": "The system does not let sysidc read the file.",
    "empty-file": "The file holds no samples: nothing at all, or a header without rows.",
    "broken-file": """The content of a file is not what its ending says, or was cut off.

Name the reader where the ending misleads: `csv("run.txt")`.""",
    "not-utf8": "A CSV file is not text in UTF-8. Save it anew with that encoding; spreadsheets offer it by name.",
    "missing-package": "A format, a benchmark or a logger needs a package that is not installed. The help says which "
    "command installs it.",
    "missing-column": """A signal names a column that the file does not have.

`output y = "yEst"` reads the column yEst; without a name the column is called like the signal. The first line of a CSV
file has to hold the names.""",
    "wrong-separator": """A CSV file has one column only when read with this separator, and more with another one:
`csv("a.csv", separator = ";")`.""",
    "bad-separator": "A separator of CSV is one character.",
    "duplicate-column": "Two columns of a file have the same name, so the name does not tell which is meant.",
    "ragged-row": """A row of a CSV file has more or fewer fields than its header.

Usual causes are numbers with a decimal comma, a separator inside of a field, and a file that was cut off.""",
    "not-a-vector": "An array in a file has several axes. A column is one number per sample; store each by itself.",
    "unequal-lengths": "The arrays of one file differ in length, so their samples do not belong together.",
    "rows-outside": "`rows = FIRST .. END` asks for rows that the file does not have. Rows count from 0 behind the "
    "header, and the end is excluded.",
    "not-a-number": "A column holds a text where a number is expected.",
    "missing-value": """A column has no value in some row.

`missing = interpolate` draws a line between the neighbours, `missing = split` cuts the record there. At the beginning
or end of a record only `split` helps.""",
    "infinite-value": "A column holds an infinite value, which no scale and no loss can take.",
    "wrong-dtype": """A value does not fit the dtype of its signal: a fraction or a large number for an integer. Declare
the signal as float32, or mend the data.""",
    "not-embedded": """An integer column holds a value that the `Embedding` has no vector for.

`Embedding(n, dim)` knows the integers 0 to n - 1. Give it a larger `num_embeddings`, or number the values from 0.""",
    "short-record": """A part of a record is too short for one window, or for one window and its longest horizon.

Windows never cross the border of two parts or records. Shorten the windows, cap the horizon with `max_length`, take a
smaller `test` or `validation`, or a longer record.""",
    "wrong-time": """The time column, or the recording of a benchmark, does not move by the sampling time.

Sampling has to be even, to a relative tolerance of 1e-3. A gap in time belongs between two records.""",
    "unknown-generator": "There is no generator of that name.",
    "unstable-generator": "With these constants, this amplitude or this sampling time a simulated system leaves every "
    "bound.",
    "unknown-benchmark": "The package nonlinear_benchmarks has no data set of that name.",
    "unfetched-benchmark": "The package nonlinear_benchmarks could not fetch a data set.",
    "unknown-format": "The ending of a file that is to be read or written names no known format.",
    "library-file": "The file is a library: params, lets, blocks and dynamics without a model to build or train.",
    "no-device": "`accelerator` asks for a device that this machine does not have; `auto` takes the best that it has.",
    "diverged": """A loss became infinite or no number during training.

A smaller learning rate, `gradient_clip = 1` or `normalize = standard` helps most often. `LBFGS` takes steps of any
length unless it is given a line search: `LBFGS(line_search_fn = strong_wolfe)`.""",
    "short-schedule": """`OneCycleLR` is told fewer steps than the training takes, and torch ends it with an error.

Leave `total_steps` out: it follows from the epochs and the data.""",
    "out-of-memory": "The device has too little memory. A smaller `batch_size` or horizon needs less.",
    "not-compiled": """A part of the spec has no form in plain PyTorch yet; the message names it and its line.

`sysidc train` and `sysidc export` can do what `sysidc compile` cannot.""",
    "not-exported": """The model cannot be written in the form that was asked for; the message says which part stands in
the way. Another `--format`, or `--step` for models that start from known outputs, often can.""",
    "mapped-gaps": """The columns of an NPY file, and those of a large Parquet file, stay on disk and cannot be changed.

Fill the gaps beforehand, or keep the columns in a file that is read into memory, such as NPZ.""",
    "no-domains": """A sweep tries values from the domains of params, and the file gives none to any param that is not
overridden. Write `in` behind one: `param width = 32 in [16, 32, 64]`.""",
    "no-score": """A trial of a sweep is judged on the validation part, and no step of it can be scored.

A smaller `initial_steps`, a larger validation part, or another `metric` helps.""",
    "no-cluster": "No Ray cluster answers at the address. `ray start --head` starts one; `--ray` alone a local one.",
    "sweep-failed": """No trial of a sweep came to its end. The message tells why the last one failed.

`sysidc train FILE` with the same values shows the mistake at its place.""",
    "too-few-records": """A window of `all` is a whole record, and processes that share a training share its records.

Train on one device, or write a window shorter than the records.""",
    "no-run": "The folder is no finished run of `sysidc train`.",
    "broken-run": "A file of a run folder cannot be read; it was changed or cut off.",
    "unwritable": "A file or folder cannot be written. An interrupted training keeps its last checkpoint: make room "
    "and go on with `--resume`.",
    "run-in-use": "Another process trains the same run. Wait for it, or stop it.",
    "not-interrupted": "`--resume` names a run that does not wait to be gone on with. "
    "`sysidc runs` lists those there are.",
    "changed-spec": "`--resume` goes on with the spec that the run was begun with; this one differs in what is listed.",
    "changed-data": "`--resume` goes on with the data that the run was begun with; the files that are listed have "
    "changed.",
    "no-runs": "The folder whose runs are to be listed is not there, or cannot be read.",
    "no-test-part": "The spec of a run names no test part. Add `test = 20 %` to `data` and train again.",
    "no-horizon": "Only models of `prediction` mode predict a number of steps ahead.",
}


def data_page(id: str) -> str:
    return f"# {id}\n\n{DATA_PAGES[id]}\n"
