//! Facts of surveys that never were, for the tests of the page: the same every time, and like real ones in size and gaps.

use std::collections::BTreeSet;

use super::best::{Heard, Pick, Place, Sound};
use super::found::AtSite;
use super::learned::Sides;
use super::recorded::Night;
use super::scores::Metric;
use super::{
    Anchor, Bin, Class, Damaged, Day, Epoch, Facts, Group, Held, Learned, Metrics, Point, Recorded, Scope, Scores, Site, Subset,
    Tally, Windows,
};

use crate::plot::sun::half_hours;

/// 2020-03-01.
const FIRST: i32 = 18_322;
const WINDOWS_PER_HOUR: u64 = 1200;

const SPECIES: [(&str, &str); 12] = [
    ("SPHSUR", "Sphaenorhynchus surdus"),
    ("BOABIS", "Boana bischoffi"),
    ("BOAFAB", "Boana faber"),
    ("LEPPOD", "Leptodactylus podicipinus"),
    ("PITAZU", "Pithecopus azureus"),
    ("DENMIN", "Dendropsophus minutus"),
    ("PHYCUV", "Physalaemus cuvieri"),
    ("LEPLAT", "Leptodactylus latrans"),
    ("PHYALB", "Physalaemus albonotatus"),
    ("SCIPER", "Scinax perereca"),
    ("DENNAN", "Dendropsophus nanus"),
    ("BOAALB", "Boana albopunctata"),
];

/// A survey of so many sites, nights and classes, with its labels.
pub(crate) fn survey(sites: usize, nights: i32, classes: usize) -> Facts {
    let mut facts = archive(sites, nights, classes);
    for name in facts.found.classes.keys() {
        let known = SPECIES.iter().find(|(code, _)| code == name);
        facts.names.scientific.extend(known.map(|(code, name)| ((*code).to_owned(), (*name).to_owned())));
    }
    facts.learned = Some(learned(&facts));
    facts.scores = Some(scores(&facts));
    facts.unlike = Some(unlike(&facts));
    facts
}

/// A survey without labels.
pub(crate) fn archive(sites: usize, nights: i32, classes: usize) -> Facts {
    let mut chance = Chance(7);
    let mut facts = Facts { model_id: Some("3f9c0d5be21a7740".into()), ..Facts::default() };
    let names: Vec<String> =
        (0..classes).map(|c| SPECIES.get(c).map_or_else(|| format!("SPEC{c:02}"), |s| s.0.to_owned())).collect();
    names.iter().for_each(|name| facts.found.know(name));
    for s in 0..sites {
        let name = format!("{}{:02}", ["POND", "BOG", "CREEK"][s % 3], s + 1);
        let site = site(&mut chance, s, nights);
        listen(&mut facts, &mut chance, &name, &site, &names);
        facts.recorded.sites.insert(name, site);
    }
    for (c, name) in names.iter().enumerate().filter(|(c, _)| c % 9 != 8) {
        let Some(class) = facts.found.classes.get_mut(name).filter(|c| c.is_found()) else { continue };
        class.events = class.tally().detected / 2 + 1;
        class.doubtful = if c % 4 == 1 { class.events.div_ceil(9) } else { 0 };
        class.threshold = Some(0.25 + chance.below(500) as f64 / 1000.0);
        class.picks = (0..3).map(|rank| pick(c, rank)).collect();
    }
    let species = facts.found.classes.values().filter(|class| class.is_found()).count() as u32;
    facts.found.accumulation = (1..=nights as u32).map(|night| (night, species * night / (night + nights as u32 / 8))).collect();
    facts.windows = Windows { count: facts.found.effort_s.values().sum::<f64>() as u64 / 3, length_s: Some(3.0) };
    damage(&mut facts.recorded);
    facts
}

/// Two groups of unknown sounds.
pub(crate) fn unlike(facts: &Facts) -> Vec<Group> {
    let site = facts.recorded.sites.keys().next().map_or("POND01", String::as_str);
    let group = |number: usize, windows: usize| {
        let mut group = Group::default();
        (0..windows).for_each(|_| group.add(site, 17.0));
        group.picks = (0..2).map(|rank| pick(20 + number, rank)).collect();
        group
    };
    vec![group(0, 41), group(1, 6)]
}

fn pick(c: usize, rank: usize) -> Pick {
    let start_s = 3.0 * c as f64;
    let heard = Heard {
        name: format!("{c:03}-SPEC-{rank}"),
        size: (720, 306),
        begins_s: (start_s - 1.0).max(0.0),
        heard_until_s: start_s + 3.0,
        length_s: 5.0,
        rate_hz: 48_000,
    };
    Pick {
        site: ["POND01", "BOG02", "CREEK03"][rank].into(),
        recording_id: "0123456789abcdef".into(),
        recording: Some(Place {
            path: format!("audio/POND01/SMA0{c:03}_20200312_2{}0000.flac", c % 4),
            local: Some("2020-03-12 21:00:03".into()),
            sample_rate_hz: 48_000,
            dead_channels: None,
        }),
        start_s,
        end_s: start_s + 3.0,
        score: 0.999 - c as f32 / 100.0,
        probability: Some(0.97 - c as f64 / 90.0),
        sound: if c == 3 { Sound::Gone } else { Sound::Here(heard) },
    }
}

fn site(chance: &mut Chance, s: usize, nights: i32) -> Site {
    let mut site = Site { place: Some((-15.0 - s as f64 / 9.0, -43.1 + s as f64 / 7.0)), moved: s == 4, ..Site::default() };
    let deployed = (s as i32 * 3, nights - (s as i32 * 5) % 23);
    for day in deployed.0..deployed.1 {
        // Batteries die for a while, and some nights are lost.
        let is_dead = (40 + s as i32 * 3..52 + s as i32 * 4).contains(&day) && s % 3 == 1;
        if is_dead || chance.below(40) == 0 {
            continue;
        }
        let hours = if s % 4 == 3 { 24 } else { 12 };
        let lost = if chance.below(12) == 0 { chance.below(hours as u64 + 1) as i32 } else { 0 };
        let night = Night { recorded_s: f64::from(hours - lost) * 3600.0, rejected: lost as u64 };
        site.recordings += hours as u64;
        site.rejected += lost as u64;
        site.recorded_s += night.recorded_s;
        site.nights.insert(Day(FIRST + day), night);
    }
    site.first = site.nights.keys().next().copied();
    site.last = site.nights.keys().next_back().copied();
    site
}

fn listen(facts: &mut Facts, chance: &mut Chance, name: &str, site: &Site, classes: &[String]) {
    let found = &mut facts.found;
    let heard: BTreeSet<Day> = site.nights.iter().filter(|(_, n)| n.recorded_s > 0.0).map(|(d, _)| *d).collect();
    let recorded_hours: Vec<usize> =
        if site.recorded_s > 13.0 * 3600.0 * heard.len() as f64 { (0..24).collect() } else { (18..24).chain(0..6).collect() };
    for &hour in &recorded_hours {
        found.effort_by_hour_s[hour] += 3600.0 * heard.len() as f64;
    }
    found.effort_s.insert(name.to_owned(), site.recorded_s);
    for at in half_hours() {
        *found.sun.effort_s.entry(at).or_default() += 1800.0 * heard.len() as f64;
    }
    for (c, class) in classes.iter().enumerate() {
        let class: &mut Class = found.classes.entry(class.clone()).or_default();
        let windows = (site.recorded_s / 3600.0) as u64 * WINDOWS_PER_HOUR;
        let mut at = AtSite { tally: Tally { windows, detected: 0 }, nights: BTreeSet::new() };
        let lives_here = c % 9 != 8 && chance.below(10) < 7;
        let rate = 0.12 / (1.0 + c as f64).powf(1.3);
        let detected_of = |windows: u64, hour: usize| {
            // Each class has an hour of its own, later ones deeper in the night.
            let far = f64::from((hour as i32 + 12 - (6 + c as i32 % 9)) % 24 - 6).abs();
            if lives_here { (windows as f64 * rate * (-far * far / 8.0).exp()) as u64 } else { 0 }
        };
        for &hour in &recorded_hours {
            let windows = WINDOWS_PER_HOUR * heard.len() as u64;
            let detected = detected_of(windows, hour);
            class.hours[hour].windows += windows;
            class.hours[hour].detected += detected;
            at.tally.detected += detected;
        }
        if at.tally.detected > 0 {
            let season = |day: &Day| 2 * (day.0 - FIRST - 10 - 4 * (c as i32 % 12)).abs() < 90 - c as i32;
            at.nights = heard.iter().copied().filter(|d| season(d) && chance.below(10) < 8).collect();
        }
        for &night in &heard {
            let of_night = class.seasons.entry(night).or_default();
            for &hour in &recorded_hours {
                let detected = if at.nights.contains(&night) { detected_of(WINDOWS_PER_HOUR, hour) } else { 0 };
                of_night[hour].add(Tally { windows: WINDOWS_PER_HOUR, detected });
            }
        }
        class.sites.insert(name.to_owned(), at);
        for (anchor, offset_min) in half_hours() {
            // Most call at dusk, later ones deeper in the night; some sing at dawn.
            let peak_min = if c % 4 == 3 { (Anchor::Sunrise, -30) } else { (Anchor::Sunset, 30 * (1 + c as i32 % 9)) };
            let far = f64::from(offset_min - peak_min.1) / 60.0;
            let windows = WINDOWS_PER_HOUR / 2 * heard.len() as u64;
            let share = if lives_here && anchor == peak_min.0 { rate * (-far * far / 3.0).exp() } else { 0.0 };
            let tally = Tally { windows, detected: (windows as f64 * share) as u64 };
            found.sun.classes.entry(classes[c].clone()).or_default().entry((anchor, offset_min)).or_default().add(tally);
        }
    }
    found.nights.insert(name.to_owned(), heard);
}

fn damage(recorded: &mut Recorded) {
    let file =
        |path: &str, reason: &str, lost_s| Damaged { site: "POND01".into(), path: path.into(), reason: reason.into(), lost_s };
    recorded.rejected = vec![
        file("audio/POND01/SMA01234_20200318_210000.wav", "the file is empty", None),
        file("audio/POND01/SMA01234_20200318_220000.wav", "no format that is known: the file begins with zeros", None),
    ];
    recorded.repaired = vec![file(
        "audio/POND01/SMA01234_20200402_030000.wav",
        "the header promises 3600.0 s, and the file ends after 2871.4 s",
        Some(728.6),
    )];
    let empty = recorded.total(|s| s.rejected).saturating_sub(1);
    recorded.damage = [("empty_file", empty), ("not_audio", 1), ("truncated", 1)].map(|(c, n)| (c.to_owned(), n)).into();
    (recorded.duplicates, recorded.doubtful) = (2, 1);
    let Some(site) = recorded.sites.values_mut().next() else { return };
    (site.repaired, site.untimed) = (1, 3);
}

fn learned(facts: &Facts) -> Learned {
    let mut learned = Learned::default();
    (learned.reviewed, learned.unreviewed) = (1508, 104);
    (learned.lines, learned.lines_used) = (16_000, 15_411);
    learned.recordings =
        Sides::from([(Subset::Train, 912), (Subset::Validation, 228), (Subset::Test, 368), (Subset::Unused, 104)]);
    for (c, class) in facts.found.classes.keys().enumerate() {
        let n = 400 / (1 + c as u64).pow(2).min(400) * u64::from(c % 10 != 7);
        let held = |n: u64| Held { recordings: n, windows: 7 * n };
        let sides = [(Subset::Train, n), (Subset::Validation, n / 4), (Subset::Test, n / 3)];
        learned.classes.insert(class.clone(), sides.map(|(side, n)| (side, held(n))).into());
    }
    for epoch in 1..=100 {
        let x = f64::from(epoch) / 100.0;
        let wobble = f64::from(epoch * 7919 % 13) / 200.0;
        learned.epochs.push(Epoch {
            epoch,
            train_loss: 0.03 + 0.5 * (-6.0 * x).exp() + wobble / 8.0,
            validation_loss: (epoch % 2 == 0).then_some(0.05 + 0.45 * (-7.0 * x).exp() + wobble / 6.0),
            macro_f1: Some(0.62 * (1.0 - (-5.0 * x).exp()) + wobble / 3.0),
            mean_ap: Some(0.71 * (1.0 - (-6.0 * x).exp()) + wobble / 3.0),
            best: epoch == 87,
        });
    }
    learned
}

fn scores(facts: &Facts) -> Scores {
    let mut scores = Scores::default();
    let metrics = |value: Option<f64>, support: u64, is_class: bool| {
        let names = ["average_precision", "auroc", "f1_fixed", "f1_tuned", "precision_tuned", "recall_tuned"];
        Metrics(
            names
                .iter()
                .enumerate()
                .map(|(i, name)| {
                    let value = value.map(|v| if i == 1 { 1.0 - (1.0 - v) / 6.0 } else { v * (1.0 - i as f64 / 40.0) });
                    let interval = value.filter(|_| is_class && i == 0).map(|v| (v - 0.06, (v + 0.05).min(1.0)));
                    ((*name).to_owned(), Metric { value, support, interval })
                })
                .collect(),
        )
    };
    let mut supported = 0;
    for (c, class) in facts.found.classes.keys().enumerate() {
        let support = 4_000 / (1 + c as u64).pow(2).min(4000) * u64::from(c % 10 != 7);
        supported += u64::from(support > 0);
        let value = (support > 0).then_some(0.95 - c as f64 / 60.0);
        scores.metrics.insert((Subset::Test, Scope::Class(class.clone())), metrics(value, support, true));
        let source = if support == 0 {
            "default"
        } else if c < 12 {
            "own"
        } else {
            "pooled"
        };
        scores.thresholds.insert(class.clone(), (0.2 + c as f64 / 100.0, source.into()));
    }
    for (c, class) in facts.found.classes.keys().enumerate().filter(|(c, _)| c % 10 != 7) {
        let points = (0..40).map(|i| {
            let threshold = f64::from(i) / 40.0;
            let precision = 1.0 - (1.0 - threshold).powf(1.5) * (0.3 + c as f64 / 60.0).min(0.95);
            Point { threshold, precision, recall: 1.0 - threshold.powf(2.5) }
        });
        scores.curves.classes.insert((Subset::Test, class.clone()), points.collect());
    }
    for (scale, bend) in [("score", 1.6), ("probability", 1.05)] {
        let bins = (0..15u32).map(|i| {
            let (mean, windows) = ((f64::from(i) + 0.5) / 15.0, 40_000 / (1 + u64::from(i)).pow(2));
            Bin { windows, positives: (mean.powf(bend) * windows as f64).round() as u64, mean }
        });
        scores.curves.reliability.insert((Subset::Test, scale.to_owned()), bins.collect());
    }
    let classes: Vec<&String> = facts.found.classes.keys().collect();
    let mut note = |class: Option<&String>, present: Option<&String>, windows, all| {
        scores.alarms.note(Subset::Test, class.cloned(), present.cloned(), windows, all);
    };
    note(None, None, 20_000, 40_000);
    for (c, class) in classes.iter().copied().enumerate() {
        note(None, Some(class), 9_000 / (1 + c as u64), 40_000);
        // Every third is never detected falsely.
        let all = if c % 3 < 2 { 300 / (1 + c as u64) + 4 } else { 0 };
        let others = (1..4).map(|next| classes[(c + next) % classes.len()]).filter(|other| *other != class && all > 0);
        others.zip([2, 3, 4]).for_each(|(other, part)| note(Some(class), Some(other), all / part, all));
    }
    scores.metrics.insert((Subset::Test, Scope::All), metrics(Some(0.68), supported, false));
    for site in facts.recorded.sites.keys().take(4) {
        scores.metrics.insert((Subset::Test, Scope::Site(site.clone())), metrics(Some(0.61), supported.min(9), false));
    }
    for (group, value) in [("frequent", 0.9), ("common", 0.8), ("rare", 0.5)] {
        scores.metrics.insert((Subset::Test, Scope::Group(group.into())), metrics(Some(value), 8, false));
    }
    scores
}

/// A small generator of numbers by chance (an LCG, Knuth's MMIX).
struct Chance(u64);

impl Chance {
    fn below(&mut self, n: u64) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % n
    }
}
