//! Keys of what is read, where results go, and what is made of the sound.

use super::{FRACTION, Key, Kind, POSITIVE, key, optional};

/// What is read and where results go, `ingest` and `segment`.
pub(super) const SOURCES: &[Key] = &[
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
    optional(
        "model.path",
        Kind::Text,
        "",
        "Folder of a model that another run trained. With it nothing is trained here, and the settings of featurize and segment.window_s that \
         the configuration does not give come from the model",
    ),
    key(
        "model.settings",
        Kind::Texts,
        "",
        "[]",
        "Keys whose values come from the model's card although the file holds values too; config.resolved.yaml lists here what a run took \
         from the card. In a configuration of your own, leave out the keys themselves instead",
    ),
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
];

/// `featurize`.
pub(super) const FEATURIZE: &[Key] = &[
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
];
