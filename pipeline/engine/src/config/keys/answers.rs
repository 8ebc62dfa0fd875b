//! Keys of what is made of predictions.

use super::{FRACTION, Key, Kind, SEED, key, optional};

/// `evaluate`, `detect` and `report`.
pub(super) const ANSWERS: &[Key] = &[
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
    key(
        "detect.hysteresis",
        FRACTION,
        "",
        "0",
        "How far scores may fall below the threshold while an event goes on, as a share of it: with 0.4 and a threshold of 0.5 an event begins at 0.5 and goes on down to 0.3",
    ),
    key(
        "detect.min_event_s",
        Kind::Float(0.0, 3600.0),
        "s",
        "0",
        "Events that are shorter are dropped, from detections and from all counts; a single window is as long as segment.window_s",
    ),
    // report
    optional("report.title", Kind::Text, "", "Title of the report; default Acoustic survey"),
    key(
        "report.clips",
        Kind::Int(0, 20),
        "clips",
        "3",
        "Highest detections of each class that the report lets one hear and see, first at different sites and then on different dates; 0: none",
    ),
    key(
        "report.max_clips",
        Kind::Int(0, 1000),
        "clips",
        "60",
        "Clips of all classes together: every class gets its first before any gets a second, frequent classes first; a clip has 3 MB of sound at most",
    ),
];
