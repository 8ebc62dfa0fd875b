//! Every configuration key, declared once: meaning, unit, default and range. `chorus config` prints this list, the checks of a
//! configuration file read it, and the stages' parameters are made from it.

/// The values that a key takes.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Bool,
    /// A whole number in a range, both ends included.
    Int(i64, i64),
    /// A number in a range, both ends included.
    Float(f64, f64),
    /// Any text.
    Text,
    /// One of these words.
    Choice(&'static [&'static str]),
    /// A word, or a whole number in a range, both ends included.
    WordOrInt(&'static str, i64, i64),
    /// A list of texts.
    Texts,
    /// A name or a list of names; a whole number is a name too.
    Names,
    /// A list of so many numbers, each in a range.
    Floats(usize, f64, f64),
    /// A mapping from names to lists of texts.
    Groups,
}

/// One configuration key.
#[derive(Debug, Clone, Copy)]
pub struct Key {
    /// `section.name`, or a name alone at the top level.
    pub name: &'static str,
    /// The values it takes.
    pub kind: Kind,
    /// Whether `null` is a value too.
    pub nullable: bool,
    /// Unit of the value; empty where it has none.
    pub unit: &'static str,
    /// Default, as YAML.
    pub default: &'static str,
    /// Meaning.
    pub about: &'static str,
}

impl Key {
    /// The values it takes, in words.
    pub fn allowed(&self) -> String {
        let kind = match self.kind {
            Kind::Bool => "true or false".to_owned(),
            Kind::Int(min, i64::MAX) => format!("a whole number from {min}"),
            Kind::Int(min, max) => format!("a whole number from {min} to {max}"),
            Kind::Float(min, f64::MAX) => format!("a number from {min}"),
            Kind::Float(min, max) => format!("a number from {min} to {max}"),
            Kind::Text => "a text".to_owned(),
            Kind::Choice(words) => format!("one of {}", words.join(", ")),
            Kind::WordOrInt(word, min, max) => format!("{word}, or a whole number from {min} to {max}"),
            Kind::Texts => "a list of texts".to_owned(),
            Kind::Names => "a name or a list of names".to_owned(),
            Kind::Floats(n, min, max) => format!("a list of {n} numbers from {min} to {max}"),
            Kind::Groups => "names, each with a list of texts: `{name: [A, B], other: [C]}`".to_owned(),
        };
        if self.nullable { format!("{kind}, or null") } else { kind }
    }
}

const fn key(name: &'static str, kind: Kind, unit: &'static str, default: &'static str, about: &'static str) -> Key {
    Key { name, kind, nullable: false, unit, default, about }
}

const fn optional(name: &'static str, kind: Kind, unit: &'static str, about: &'static str) -> Key {
    Key { name, kind, nullable: true, unit, default: "null", about }
}

const ANY: i64 = i64::MAX;
const SEED: Kind = Kind::Int(0, ANY);
const FRACTION: Kind = Kind::Float(0.0, 1.0);
const POSITIVE: f64 = 1e-9;

/// All keys, by section in the order of the stages.
pub const KEYS: &[Key] = &[
    key("device", Kind::Text, "", "auto", "Where train and predict compute: auto, cpu or cuda:N"),
    // What is read, and where results go.
    optional("archive.path", Kind::Text, "", "Folder of the recordings, relative to the current folder; it is never written to"),
    key("archive.audio", Kind::Text, "", ".", "Folder within the archive to search for recordings"),
    key("archive.exclude", Kind::Texts, "", "[]", "Folders and files within the archive, by path, that are passed over"),
    key(
        "archive.channel",
        Kind::WordOrInt("mix", 1, 128),
        "",
        "mix",
        "What is heard of recordings with several channels: the mean of those that are not dead, or the channel of this number, from 1",
    ),
    optional(
        "archive.timezone",
        Kind::Text,
        "",
        "IANA zone of the recorders' clocks, such as America/Sao_Paulo; without one, start_utc is null",
    ),
    optional(
        "run.path",
        Kind::Text,
        "",
        "Folder of the run, relative to the current folder; default runs/ and the configuration file's name",
    ),
    optional(
        "run.base",
        Kind::Text,
        "",
        "Folder of another run, relative to the current folder: units that are the same there are taken over in place of being made again",
    ),
    key(
        "sweep.vary",
        Kind::Texts,
        "",
        "[]",
        "What chorus sweep varies, such as [\"train.mixing=none,mix2\", \"train.seed=0,1,2\"]: every combination is a run of its own",
    ),
    optional("model.path", Kind::Text, "", "Folder of a model made by another run; with it nothing is trained"),
    key(
        "model.ensemble",
        Kind::Texts,
        "",
        "[]",
        "Folders of further models for the same classes; scores are the mean of theirs and the model's own",
    ),
    optional(
        "model.license",
        Kind::Text,
        "",
        "Terms under which a model that is trained here is shared, such as CC-BY-4.0; it goes into model.yaml",
    ),
    key(
        "units.max_recordings",
        Kind::Int(1, 100_000),
        "recordings",
        "200",
        "Largest part of a site-day that is worked on and written at once",
    ),
    key(
        "units.keep_free_gib",
        Kind::Float(0.0, f64::MAX),
        "GiB",
        "1",
        "A stage does not start when it would leave less disk than this free",
    ),
    // ingest
    key(
        "ingest.site_from",
        Kind::Choice(&["folder", "prefix", "serial"]),
        "",
        "folder",
        "Site of recordings that the site sheet does not assign: the folder that holds it, the prefix of its name, or the recorder's serial number",
    ),
    optional(
        "ingest.site_sheet",
        Kind::Text,
        "",
        "CSV within the archive: site, and any of latitude, longitude, timezone, folder, name, serial, from, to, start; see docs/recorders.md",
    ),
    optional(
        "ingest.name_pattern",
        Kind::Text,
        "",
        "How names of your own are read before those of known recorders, such as \"{site}_%Y%m%d_%H%M%S\" or \"REC %d-%m-%y %H.%M *\"; see docs/recorders.md",
    ),
    key(
        "ingest.bare_name_clock",
        Kind::Choice(&["utc", "local"]),
        "",
        "utc",
        "Clock of names without prefix and zone (YYYYMMDD_HHMMSS, as AudioMoth writes them)",
    ),
    key("ingest.max_rejected_fraction", FRACTION, "", "0.2", "Share of recordings that may be rejected before the run fails"),
    // segment
    key("segment.window_s", Kind::Float(0.1, 600.0), "s", "3", "Length of a window"),
    key("segment.hop_s", Kind::Float(0.01, 600.0), "s", "3", "Step from one window to the next"),
    key(
        "segment.tail",
        Kind::Choice(&["drop", "pad"]),
        "",
        "drop",
        "What becomes of the rest after the last whole window: dropped, or padded with silence",
    ),
    key(
        "segment.min_tail_s",
        Kind::Float(0.0, 600.0),
        "s",
        "1",
        "With tail: pad, a shorter rest is dropped all the same, unless it is the whole recording",
    ),
    // annotate
    key(
        "annotate.format",
        Kind::Choice(&["none", "anuraset_raw", "anuraset_processed", "raven", "audacity", "csv", "clips", "folders"]),
        "",
        "none",
        "Layout of the annotations, see docs/labels.md: Raven selection tables, Audacity label tracks, CSV of events, CSV of whole clips, a folder for each class, AnuraSet's releases",
    ),
    optional(
        "annotate.folder",
        Kind::Text,
        "",
        "Folder or file within the archive that holds the annotations; default strong_labels with anuraset_raw, metadata.csv with anuraset_processed, else the whole archive",
    ),
    optional(
        "annotate.label_text",
        Kind::Choice(&["plain", "code_quality"]),
        "",
        "What a label says: its text is the code, or CODE_Q with a quality mark; default code_quality with anuraset_raw, else plain",
    ),
    Key {
        nullable: true,
        ..key(
            "annotate.label_separator",
            Kind::Text,
            "",
            "\";\"",
            "What stands between several labels in one field of a CSV file",
        )
    },
    optional(
        "annotate.recording_column",
        Kind::Text,
        "",
        "Column that names the recording by path, name or stem; default by the usual names",
    ),
    optional(
        "annotate.label_column",
        Kind::Text,
        "",
        "Column of the label; default the first of Species, Annotation, Label, Code and the like",
    ),
    optional("annotate.start_column", Kind::Text, "", "Column of the start in seconds; default by the usual names"),
    optional("annotate.end_column", Kind::Text, "", "Column of the end in seconds; default by the usual names"),
    optional("annotate.low_column", Kind::Text, "", "Column of the lower frequency; default by the usual names"),
    optional("annotate.high_column", Kind::Text, "", "Column of the upper frequency; default by the usual names"),
    optional("annotate.quality_column", Kind::Text, "", "Column of the quality mark; default quality, where there is one"),
    key(
        "annotate.frequency_unit",
        Kind::Choice(&["hz", "khz"]),
        "",
        "hz",
        "Unit of the frequencies in tables; columns that say kHz are read as such anyway",
    ),
    key(
        "annotate.reviewed",
        Kind::Choice(&["mentioned", "all"]),
        "",
        "mentioned",
        "Recordings that count as listened to: those that an annotation file speaks of, or all, so that no label means nothing heard",
    ),
    optional(
        "annotate.code_table",
        Kind::Text,
        "",
        "CSV within the archive: code, and perhaps class (several codes may share one; empty: dropped), scientific_name, english",
    ),
    key("annotate.classes", Kind::Texts, "", "[]", "Classes to learn; empty: the code table's, or else every code found"),
    key("annotate.qualities", Kind::Texts, "", "[]", "Quality marks that count; empty: all"),
    key(
        "annotate.rule",
        Kind::Choice(&["overlap", "anuraset"]),
        "",
        "overlap",
        "When a window holds an event: by overlap, or by AnuraSet's own rule (event widened to whole seconds touches the window)",
    ),
    Key {
        nullable: true,
        ..key(
            "annotate.min_overlap_s",
            Kind::Float(0.0, 600.0),
            "s",
            "0.5",
            "With rule: overlap, a window is positive from this many seconds of the class; null: seconds don't decide",
        )
    },
    Key {
        nullable: true,
        ..key(
            "annotate.min_overlap_fraction",
            FRACTION,
            "",
            "0.5",
            "With rule: overlap, a window is positive too when it holds this share of one event; null: shares don't decide",
        )
    },
    // split
    key(
        "split.source",
        Kind::Choice(&["grouped", "folds", "leave_one_site_out", "file"]),
        "",
        "grouped",
        "Test set: a stratified share of whole groups, one of several stratified folds, a whole site, or what a file says",
    ),
    optional(
        "split.file",
        Kind::Text,
        "",
        "CSV within the archive that says for each recording its subset (train, validation, test, unused) or its fold",
    ),
    key(
        "split.group",
        Kind::Choice(&["recording", "site", "night", "column"]),
        "",
        "recording",
        "What is never divided between subsets; column: recordings with the same entry in split.group_column",
    ),
    optional(
        "split.group_file",
        Kind::Text,
        "",
        "CSV within the archive that says for each recording its group, with group: column; default split.file",
    ),
    key(
        "split.group_column",
        Kind::Text,
        "",
        "group",
        "Column of that file, such as fname where recordings are clips of longer ones",
    ),
    key(
        "split.test_fraction",
        Kind::Float(0.0, 0.9),
        "",
        "0.25",
        "Share of the recordings for test, in whole groups, with source: grouped",
    ),
    key("split.folds", Kind::Int(2, 1000), "folds", "5", "Number of folds with source: folds"),
    optional(
        "split.fold",
        Kind::Names,
        "",
        "The fold that is test in this run: 1 to split.folds with source: folds, else as the column fold of split.file has it",
    ),
    optional("split.site", Kind::Names, "", "The site that is test in this run, with source: leave_one_site_out"),
    key(
        "split.validation_fraction",
        Kind::Float(0.0, 0.9),
        "",
        "0.2",
        "Share of the training recordings for validation, in whole groups, unless split.file has a validation set",
    ),
    key("split.seed", SEED, "", "0", "Seed of the random draws"),
    // featurize
    key("featurize.sample_rate_hz", Kind::Int(1000, 500_000), "Hz", "16000", "Rate that recordings are resampled to"),
    key("featurize.n_fft", Kind::Int(16, 65536), "samples", "512", "Length of the Fourier transform"),
    key("featurize.win_length", Kind::Int(16, 65536), "samples", "512", "Length of the Hann window"),
    key("featurize.hop_length", Kind::Int(1, 65536), "samples", "128", "Step from one frame to the next"),
    key("featurize.n_mels", Kind::Int(4, 1024), "bands", "128", "Number of mel bands"),
    key("featurize.f_min_hz", Kind::Float(0.0, 250_000.0), "Hz", "0", "Lower edge of the lowest band"),
    key("featurize.f_max_hz", Kind::Float(1.0, 250_000.0), "Hz", "8000", "Upper edge of the highest band"),
    key("featurize.window", Kind::Choice(&["hann", "hamming", "blackman"]), "", "hann", "Shape of the window, which is periodic"),
    key(
        "featurize.mel_scale",
        Kind::Choice(&["htk", "slaney"]),
        "",
        "htk",
        "Scale on which the bands are evenly spaced: HTK's, or Slaney's (linear up to 1 kHz), which is librosa's default",
    ),
    key(
        "featurize.mel_norm",
        Kind::Choice(&["none", "slaney"]),
        "",
        "none",
        "Height of the bands: 1, or such that each has the area 1 (librosa's default)",
    ),
    key(
        "featurize.level",
        Kind::Choice(&["db", "pcen"]),
        "",
        "db",
        "What stands for a band's power: decibels, 10 log10(max(x, 1e-10)), or per-channel energy normalisation, which divides each band by its own recent past and so takes steady noise out",
    ),
    key("featurize.pcen_gain", Kind::Float(0.0, 10.0), "", "0.98", "With level: pcen, strength of the gain control"),
    key("featurize.pcen_bias", Kind::Float(0.0, 1000.0), "", "2", "With level: pcen, added before the compression"),
    key("featurize.pcen_power", Kind::Float(POSITIVE, 10.0), "", "0.5", "With level: pcen, exponent of the compression"),
    key(
        "featurize.pcen_time_constant_s",
        Kind::Float(0.001, 60.0),
        "s",
        "0.4",
        "With level: pcen, time constant of the recent past",
    ),
    key("featurize.pcen_eps", Kind::Float(1e-12, 1.0), "", "0.000001", "With level: pcen, keeps the division from silence"),
    optional(
        "featurize.high_pass_hz",
        Kind::Float(1.0, 250_000.0),
        "Hz",
        "Corner of a Butterworth high-pass of fourth order (-3 dB there) over the whole recording, against wind and traffic; null: none",
    ),
    // train
    key(
        "train.architecture",
        Kind::Choice(&["mobilenet_v3_large", "mobilenet_v3_small"]),
        "",
        "mobilenet_v3_large",
        "The network",
    ),
    key("train.width", Kind::Float(0.1, 4.0), "", "1", "Multiplier of the network's channel counts"),
    key("train.epochs", Kind::Int(1, 100_000), "epochs", "100", "Passes over the training windows"),
    key("train.batch_size", Kind::Int(2, 65536), "windows", "128", "Windows of one step"),
    optional(
        "train.initial_weights",
        Kind::Text,
        "",
        "Safetensors file with a network's features.* under torchvision's names, to start from, such as ImageNet's; null: from random weights",
    ),
    key("train.optimizer", Kind::Choice(&["adamw", "sgd"]), "", "adamw", "AdamW, or stochastic gradient descent with momentum"),
    key("train.learning_rate", Kind::Float(POSITIVE, 10.0), "", "0.01", "Peak learning rate; it falls to zero as a cosine"),
    key("train.warmup_epochs", Kind::Int(0, 100_000), "epochs", "0", "Epochs in which the learning rate rises to its peak"),
    key(
        "train.weight_decay",
        Kind::Float(0.0, 10.0),
        "",
        "0.01",
        "Weight decay: apart from the gradient with adamw, in it with sgd",
    ),
    key("train.momentum", Kind::Float(0.0, 0.9999), "", "0.9", "Momentum of sgd"),
    optional(
        "train.clip_norm",
        Kind::Float(POSITIVE, f64::MAX),
        "",
        "Longest gradient that is taken as it is, by its L2 length; null: any",
    ),
    optional(
        "train.average_decay",
        Kind::Float(0.0, 0.999_999),
        "",
        "Share of the average in each step's moving average of the weights, such as 0.999; the average is then the model. Null: none",
    ),
    key(
        "train.loss",
        Kind::Choice(&["bce", "focal", "asymmetric"]),
        "",
        "bce",
        "Binary cross-entropy; focal loss (Lin et al. 2017); asymmetric loss (Ridnik et al. 2021)",
    ),
    key(
        "train.focal_gamma",
        Kind::Float(0.0, 20.0),
        "",
        "2",
        "With loss: focal, how much less an output counts that is right already",
    ),
    optional(
        "train.focal_alpha",
        Kind::Float(POSITIVE, 0.999_999),
        "",
        "With loss: focal, share of the positive side; null: not weighed",
    ),
    key(
        "train.asymmetric_gammas",
        Kind::Floats(2, 0.0, 20.0),
        "",
        "[0, 4]",
        "With loss: asymmetric, focusing of the positive and of the negative side",
    ),
    key(
        "train.asymmetric_margin",
        Kind::Float(0.0, 0.999_999),
        "",
        "0.05",
        "With loss: asymmetric, negatives scored below this do not count",
    ),
    optional(
        "train.max_positive_weight",
        Kind::Float(1.0, f64::MAX),
        "",
        "Weigh the positive side of each class by its negatives over its positives, but by no more than this; null: each window counts once",
    ),
    key(
        "train.sampling",
        Kind::Choice(&["uniform", "class_balanced"]),
        "",
        "uniform",
        "Each window once an epoch; or a class at random, then one of its windows, as often (class-aware, Shen et al. 2016)",
    ),
    key(
        "train.mixing",
        Kind::Choice(&["none", "mixup", "manifold_mixup", "multimix", "mix2"]),
        "",
        "mix2",
        "How examples are mixed",
    ),
    key(
        "train.mix2_probabilities",
        Kind::Floats(3, 0.0, 1.0),
        "",
        "[0.25, 0.5, 0.25]",
        "Chance per step of mixup, manifold_mixup and multimix with mixing: mix2; their sum is 1",
    ),
    key(
        "train.mixup_alpha",
        Kind::Float(POSITIVE, 100.0),
        "",
        "1",
        "Parameter of the Beta distribution of mixup and manifold_mixup",
    ),
    key(
        "train.manifold_depth",
        Kind::Choice(&["embedding", "random"]),
        "",
        "embedding",
        "Where manifold_mixup mixes: at the embedding, or in each step at a place drawn between the network's blocks (Verma et al. 2019)",
    ),
    key("train.multimix_alpha", Kind::Float(POSITIVE, 100.0), "", "0.2", "Parameter of the Dirichlet distribution of multimix"),
    key("train.multimix_mixtures", Kind::Int(1, 65536), "mixtures", "128", "Mixtures that multimix makes per step"),
    key(
        "train.gain_db",
        Kind::Float(0.0, 100.0),
        "dB",
        "0",
        "Make each training window louder or softer by up to this; silence stays",
    ),
    key(
        "train.background_probability",
        FRACTION,
        "",
        "0",
        "Share of training windows under which another one of the archive is laid, in which nothing calls",
    ),
    key(
        "train.background_gain_db",
        Kind::Floats(2, -100.0, 100.0),
        "dB",
        "[-10, 0]",
        "Level of that other window, from least to most, relative to how it was recorded",
    ),
    key("train.time_roll", Kind::Bool, "", "true", "Roll each training window by a random number of frames"),
    key("train.frequency_masks", Kind::Int(0, 64), "masks", "3", "Frequency masks per training window"),
    key("train.frequency_mask_bands", Kind::Int(0, 1024), "bands", "10", "Largest width of a frequency mask"),
    key("train.time_masks", Kind::Int(0, 64), "masks", "6", "Time masks per training window"),
    key("train.time_mask_frames", Kind::Int(0, 65536), "frames", "30", "Largest width of a time mask"),
    key(
        "train.validate_every",
        Kind::Int(1, 100_000),
        "epochs",
        "1",
        "Epochs from one validation to the next; the last epoch is always validated",
    ),
    key(
        "train.checkpoint_every_s",
        Kind::Float(0.0, f64::MAX),
        "s",
        "60",
        "Seconds between checkpoints within the training; 0: after every step",
    ),
    key(
        "train.select",
        Kind::Choice(&["mean_ap", "macro_f1", "loss", "last"]),
        "",
        "mean_ap",
        "Which epoch's weights are kept: the best on validation by this figure, or the last; loss where validation has no positives",
    ),
    optional(
        "train.patience",
        Kind::Int(1, 100_000),
        "validations",
        "End the training after so many validations without a better one; null: train all epochs",
    ),
    key(
        "train.precision",
        Kind::Choice(&["float32", "bfloat16"]),
        "",
        "float32",
        "In what the convolutions compute; weights, statistics and loss are float32 always. bfloat16 is meant for CUDA",
    ),
    key(
        "train.device_memory_gib",
        Kind::Float(0.0, f64::MAX),
        "GiB",
        "4",
        "On CUDA, training features up to this size lie on the device; larger ones are copied batch by batch, with the same result",
    ),
    key("train.loader_threads", Kind::Int(0, 1024), "threads", "2", "Threads that read batches ahead of the training"),
    key(
        "train.memory_gib",
        Kind::Float(0.0, f64::MAX),
        "GiB",
        "4",
        "Features up to this size are held in memory; a larger training set is read row by row, with the same result",
    ),
    key("train.seed", SEED, "", "0", "Seed of the weights, the order, the mixing and the augmentation"),
    key(
        "train.threads",
        Kind::Int(1, 1024),
        "threads",
        "2",
        "Threads of libtorch on the CPU; part of the result, since it changes the order of sums",
    ),
    // predict
    key(
        "predict.source",
        Kind::Choice(&["auto", "features", "audio"]),
        "",
        "auto",
        "Predict from the feature table or straight from the audio; auto: audio when the model comes from elsewhere",
    ),
    key("predict.batch_size", Kind::Int(1, 65536), "windows", "64", "Windows of one pass through the network"),
    key(
        "predict.precision",
        Kind::Choice(&["float32", "bfloat16"]),
        "",
        "float32",
        "In what the convolutions compute. bfloat16 is faster where the processor has AMX or AVX-512 BF16, and scores differ by some thousandths",
    ),
    key(
        "predict.embeddings",
        Kind::Bool,
        "",
        "false",
        "Write the table embeddings too: what the network makes of a window before it decides",
    ),
    // evaluate
    key(
        "evaluate.threshold",
        FRACTION,
        "",
        "0.5",
        "Score of the metrics called fixed, and the threshold of a class without any validation positives",
    ),
    key(
        "evaluate.threshold_for",
        Kind::Choice(&["f1", "precision"]),
        "",
        "f1",
        "What thresholds are chosen for on validation: the best F1, or the most recall with evaluate.precision",
    ),
    key(
        "evaluate.precision",
        FRACTION,
        "",
        "0.9",
        "With threshold_for: precision, the share of detected windows that are to hold the class",
    ),
    key(
        "evaluate.per_site",
        Kind::Bool,
        "",
        "false",
        "Choose thresholds for single sites too, where a class has evaluate.min_positives there",
    ),
    key(
        "evaluate.calibration",
        Kind::Choice(&["none", "platt", "isotonic"]),
        "",
        "platt",
        "How scores become the probabilities of detections, fitted on validation: not, by a logistic curve, or by any rising curve (which wants many positives)",
    ),
    key(
        "evaluate.min_positives",
        Kind::Int(1, 1_000_000),
        "windows",
        "5",
        "Validation positives from which a class gets a threshold and a calibration of its own",
    ),
    key(
        "evaluate.bootstrap",
        Kind::Int(0, 100_000),
        "replicates",
        "200",
        "Times that recordings are drawn anew for the 95 % confidence intervals; 0: none are made",
    ),
    key("evaluate.seed", SEED, "", "0", "Seed of those draws"),
    key(
        "evaluate.class_groups",
        Kind::Groups,
        "",
        "{}",
        "Groups of classes over which metrics are averaged too, such as {common: [A, B], rare: [\"*\"]}, where * stands for the classes in no other group; {}: frequent, common and rare, thirds of the classes by training positives",
    ),
    key(
        "evaluate.min_support",
        Kind::Int(1, 1_000_000),
        "windows",
        "5",
        "Positive windows of a subset from which a class is in the group well_supported",
    ),
    // detect
    optional("detect.threshold", FRACTION, "", "One threshold for every class, in place of the model's decisions"),
    key(
        "detect.max_gap_s",
        Kind::Float(0.0, 3600.0),
        "s",
        "0",
        "Windows over the threshold that are at most this far apart make one event",
    ),
    // report
    optional("report.title", Kind::Text, "", "Title of the report; default Acoustic survey"),
];

/// The key of that name.
pub fn find(name: &str) -> Option<&'static Key> {
    KEYS.iter().find(|k| k.name == name)
}

/// The declared name nearest to a misspelt one, when one is near.
pub fn nearest(name: &str) -> Option<&'static str> {
    let distance = |k: &&Key| strsim::damerau_levenshtein(k.name, name);
    let allowed = 1 + name.len() / 4;
    // Comparing takes time and memory of the product of two lengths.
    let alike = KEYS.iter().filter(|k| k.name.len().abs_diff(name.len()) <= allowed);
    alike.min_by_key(distance).filter(|k| distance(k) <= allowed).map(|k| k.name)
}
