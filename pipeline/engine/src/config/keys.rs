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
    /// A list of so many numbers, each in a range.
    Floats(usize, f64, f64),
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
            Kind::Floats(n, min, max) => format!("a list of {n} numbers from {min} to {max}"),
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
    optional("model.path", Kind::Text, "", "Folder of a model made by another run; with it nothing is trained"),
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
        Kind::Choice(&["folder", "prefix"]),
        "",
        "folder",
        "Site from the folder that holds the recording, or from the prefix of its name",
    ),
    optional("ingest.site_sheet", Kind::Text, "", "CSV within the archive: site, latitude, longitude, timezone"),
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
        Kind::Choice(&["none", "anuraset_raw"]),
        "",
        "none",
        "Layout of the annotations; anuraset_raw: strong_labels/SITE/NAME.txt beside raw_data/SITE/NAME.wav",
    ),
    key("annotate.folder", Kind::Text, "", "strong_labels", "Folder within the archive that holds the annotation files"),
    optional("annotate.code_table", Kind::Text, "", "CSV within the archive: code, scientific_name"),
    key("annotate.classes", Kind::Texts, "", "[]", "Codes to learn; empty: the code table's, or else every code found"),
    key("annotate.qualities", Kind::Texts, "", "[]", "Quality marks that count; empty: all"),
    key(
        "annotate.rule",
        Kind::Choice(&["overlap", "anuraset"]),
        "",
        "overlap",
        "When a window holds an event: by overlap, or by AnuraSet's own rule (event widened to whole seconds touches the window)",
    ),
    key(
        "annotate.min_overlap_s",
        Kind::Float(0.0, 600.0),
        "s",
        "0.5",
        "With rule: overlap, a window is positive from this many seconds of the class",
    ),
    key(
        "annotate.min_overlap_fraction",
        FRACTION,
        "",
        "0.5",
        "With rule: overlap, a window is positive too when it holds this share of one event",
    ),
    // split
    key(
        "split.source",
        Kind::Choice(&["grouped", "file"]),
        "",
        "grouped",
        "Subsets stratified by class over whole groups, or from a file",
    ),
    optional("split.file", Kind::Text, "", "CSV within the archive: recording, site, subset"),
    key("split.group", Kind::Choice(&["recording", "site", "night"]), "", "recording", "What is never divided between subsets"),
    key(
        "split.test_fraction",
        Kind::Float(0.0, 0.9),
        "",
        "0.25",
        "Share of groups for test; with source: file, the file decides",
    ),
    key("split.validation_fraction", Kind::Float(0.0, 0.9), "", "0.2", "Share of the training groups for validation"),
    key("split.seed", SEED, "", "0", "Seed of the random draws"),
    // featurize
    key("featurize.sample_rate_hz", Kind::Int(1000, 500_000), "Hz", "16000", "Rate that recordings are resampled to"),
    key("featurize.n_fft", Kind::Int(16, 65536), "samples", "512", "Length of the Fourier transform"),
    key("featurize.win_length", Kind::Int(16, 65536), "samples", "512", "Length of the Hann window"),
    key("featurize.hop_length", Kind::Int(1, 65536), "samples", "128", "Step from one frame to the next"),
    key("featurize.n_mels", Kind::Int(4, 1024), "bands", "128", "Number of mel bands"),
    key("featurize.f_min_hz", Kind::Float(0.0, 250_000.0), "Hz", "0", "Lower edge of the lowest band"),
    key("featurize.f_max_hz", Kind::Float(1.0, 250_000.0), "Hz", "8000", "Upper edge of the highest band"),
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
    key("train.learning_rate", Kind::Float(POSITIVE, 10.0), "", "0.01", "Peak learning rate; it falls to zero as a cosine"),
    key("train.weight_decay", Kind::Float(0.0, 10.0), "", "0.01", "AdamW's weight decay"),
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
    key("train.multimix_alpha", Kind::Float(POSITIVE, 100.0), "", "0.2", "Parameter of the Dirichlet distribution of multimix"),
    key("train.multimix_mixtures", Kind::Int(1, 65536), "mixtures", "128", "Mixtures that multimix makes per step"),
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
    // evaluate
    key(
        "evaluate.threshold",
        FRACTION,
        "",
        "0.5",
        "Score of the metrics called fixed, and the threshold of a class without any validation positives",
    ),
    key(
        "evaluate.min_positives",
        Kind::Int(1, 1_000_000),
        "windows",
        "5",
        "Validation positives from which a class gets a threshold of its own",
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
    KEYS.iter().min_by_key(distance).filter(|k| distance(k) <= 1 + name.len() / 4).map(|k| k.name)
}
