//! A map of sites without any map behind it: north is up, and a bar shows how long a kilometre is.
//!
//! The projection is equirectangular: degrees of latitude are equally long, and those of longitude are shortened by the cosine of the
//! middle latitude (Snyder, Map Projections: A Working Manual, 1987, chapter 12). Within some hundred kilometres it is true to a few
//! parts in a thousand.

use maud::{Markup, html};

use super::axis;
use crate::words::Words;

const WIDTH: f64 = 640.0;
const LEAST_HEIGHT: f64 = 220.0;
const MOST_HEIGHT: f64 = 560.0;
/// Room around the sites, for circles and names.
const MARGIN: f64 = 56.0;
/// Room beneath them, for the bar.
const FOOT: f64 = 34.0;
/// Radius of the largest circle, and of the smallest.
const LARGEST: f64 = 16.0;
const SMALLEST: f64 = 3.0;
/// Side of the map where all sites are at one place.
const LEAST_KM: f64 = 0.2;
/// One degree of a great circle, on a sphere of 6371.0088 km (the mean radius of IUGG).
const KM_PER_DEGREE: f64 = 111.195;
/// The bar is at most this share of the map's width.
const BAR: f64 = 0.25;
/// Sites up to which names are written.
const MOST_NAMES: usize = 60;
/// Letters of a name that are written.
const LETTERS: usize = 16;
/// About how wide a letter is, and how high a line.
const LETTER: f64 = 7.4;
const LINE: f64 = 12.0;

/// A site on the map.
#[derive(Debug)]
pub(crate) struct Spot<'a> {
    /// Its name.
    pub(crate) name: &'a str,
    /// Degrees, north positive.
    pub(crate) latitude: f64,
    /// Degrees, east positive.
    pub(crate) longitude: f64,
    /// What the circle's area shows, from 0 to 1.
    pub(crate) size: f64,
    /// The class of the circle's colour.
    pub(crate) shade: &'static str,
    /// What the circle says.
    pub(crate) words: String,
}

/// A rectangle: left, top, right, bottom.
type Frame = (f64, f64, f64, f64);

/// Where the sites lie on a drawing of so many units in height; a unit is so many kilometres.
#[derive(Debug)]
struct Plan {
    height: f64,
    km: f64,
    at: Vec<(f64, f64)>,
}

/// The map. `label` says what it shows, `words` puts it in words.
pub(crate) fn draw(w: &Words, label: &str, words: &str, spots: &[Spot<'_>]) -> Markup {
    let plan = plan(spots);
    let radius = |spot: &Spot<'_>| SMALLEST.max(LARGEST * spot.size.clamp(0.0, 1.0).sqrt());
    // Small circles lie on large ones.
    let mut order: Vec<usize> = (0..spots.len()).collect();
    order.sort_by(|a, b| spots[*b].size.total_cmp(&spots[*a].size));
    let circles: Vec<Frame> = plan.at.iter().zip(spots).map(|(at, spot)| around(*at, radius(spot))).collect();
    let names = names(spots, &circles, plan.height);
    let bar_km = axis::bar(WIDTH * BAR * plan.km);
    let bar = bar_km / plan.km;
    let foot = plan.height + FOOT - 12.0;
    html! {
        svg.map viewBox=(format!("0 0 {WIDTH} {:.0}", plan.height + FOOT)) role="img" {
            title { (label) }
            desc { (words) }
            rect.sheet width=(WIDTH) height=(format!("{:.0}", plan.height)) {}
            @for i in order {
                circle class={ "site " (spots[i].shade) } cx=(format!("{:.1}", plan.at[i].0)) cy=(format!("{:.1}", plan.at[i].1)) r=(format!("{:.1}", radius(&spots[i]))) {
                    title { (spots[i].words) }
                }
            }
            @for (text, x, y) in names { text x=(format!("{x:.1}")) y=(format!("{y:.1}")) { (text) } }
            path.scale d=(format!("M8 {:.1}v5h{bar:.1}v-5", foot - 5.0)) {}
            text x=(format!("{:.1}", bar + 16.0)) y=(format!("{foot:.1}")) { (length(w, bar_km)) }
            path.north d=(format!("M{} {:.1}l5 14l-5 -4l-5 4z", WIDTH - 18.0, foot - 12.0)) {}
            text x=(WIDTH - 30.0) y=(format!("{foot:.1}")) text-anchor="end" { (w.word("map.north")) }
        }
    }
}

fn around((x, y): (f64, f64), radius: f64) -> Frame {
    (x - radius, y - radius, x + radius, y + radius)
}

fn length(w: &Words, km: f64) -> String {
    if km < 1.0 {
        return w.text("map.metres", &[("n", &w.trimmed(km * 1000.0, 1))]);
    }
    w.text("map.kilometres", &[("n", &w.number(km.round() as u64))])
}

/// Degrees east of where the widest empty part of the circle of longitudes ends, so that sites on both sides of the date line lie
/// beside each other.
fn eastward(spots: &[Spot<'_>]) -> Vec<f64> {
    let own = |spot: &Spot<'_>| spot.longitude.rem_euclid(360.0);
    let mut all: Vec<f64> = spots.iter().map(own).collect();
    all.sort_by(f64::total_cmp);
    let (Some(&first), Some(&last)) = (all.first(), all.last()) else { return Vec::new() };
    let mut begin = (first, first + 360.0 - last);
    for pair in all.windows(2) {
        if pair[1] - pair[0] > begin.1 {
            begin = (pair[1], pair[1] - pair[0]);
        }
    }
    spots.iter().map(|spot| (own(spot) - begin.0).rem_euclid(360.0)).collect()
}

fn plan(spots: &[Spot<'_>]) -> Plan {
    let span = |values: &[f64]| {
        let (low, high) = values.iter().fold((f64::INFINITY, f64::NEG_INFINITY), |(a, b), v| (a.min(*v), b.max(*v)));
        if values.is_empty() { (0.0, 0.0) } else { (low, high) }
    };
    let (east, north): (Vec<f64>, Vec<f64>) = (eastward(spots), spots.iter().map(|spot| spot.latitude).collect());
    let (west, most_east) = span(&east);
    let (south, most_north) = span(&north);
    let shortened = KM_PER_DEGREE * ((south + most_north) / 2.0).to_radians().cos();
    let (wide_km, high_km) = ((most_east - west) * shortened, (most_north - south) * KM_PER_DEGREE);
    let (inner_width, inner_height) = (WIDTH - 2.0 * MARGIN, MOST_HEIGHT - 2.0 * MARGIN);
    let km = (wide_km / inner_width).max(high_km / inner_height).max(LEAST_KM / inner_width);
    let height = (high_km / km + 2.0 * MARGIN).clamp(LEAST_HEIGHT, MOST_HEIGHT);
    let x = |east: f64| WIDTH / 2.0 + (east - (west + most_east) / 2.0) * shortened / km;
    let y = |north: f64| height / 2.0 - (north - (south + most_north) / 2.0) * KM_PER_DEGREE / km;
    let at = east.iter().zip(&north).map(|(east, north)| (x(*east), y(*north))).collect();
    Plan { height, km, at }
}

/// The names that can be written beside their circles without covering anything, the sites in their order: text, left end and base line.
fn names(spots: &[Spot<'_>], circles: &[Frame], height: f64) -> Vec<(String, f64, f64)> {
    let mut taken: Vec<Frame> = circles.to_vec();
    let mut names = Vec::new();
    for (i, spot) in spots.iter().enumerate().take(MOST_NAMES) {
        let mut text: String = spot.name.chars().take(LETTERS).collect();
        if text.len() < spot.name.len() {
            text.push('…');
        }
        let width = LETTER * text.chars().count() as f64;
        let (left, top, right, bottom) = circles[i];
        let middle = f64::midpoint(top, bottom) - LINE / 2.0;
        let across = f64::midpoint(left, right) - width / 2.0;
        let corners = [(right + 3.0, middle), (left - 3.0 - width, middle), (across, top - LINE - 1.0), (across, bottom + 1.0)];
        let is_free = |(x, y): &(f64, f64)| {
            let own = (*x, *y, x + width, y + LINE);
            let is_inside = own.0 >= 0.0 && own.1 >= 0.0 && own.2 <= WIDTH && own.3 <= height;
            is_inside && !taken.iter().any(|other| own.0 < other.2 && other.0 < own.2 && own.1 < other.3 && other.1 < own.3)
        };
        let Some((x, y)) = corners.into_iter().find(is_free) else { continue };
        taken.push((x, y, x + width, y + LINE));
        names.push((text, x, y + LINE - 3.0));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spot(name: &str, latitude: f64, longitude: f64) -> Spot<'_> {
        Spot { name, latitude, longitude, size: 1.0, shade: "q7", words: format!("{name}: 3 h") }
    }

    #[test]
    fn distances_are_those_of_a_great_circle_near_the_middle() {
        // São Paulo to Campinas: 83 km by the haversine formula.
        let spots = [spot("A", -23.5505, -46.6333), spot("B", -22.9056, -47.0608)];
        let plan = plan(&spots);
        let (a, b) = (plan.at[0], plan.at[1]);
        let km = (a.0 - b.0).hypot(a.1 - b.1) * plan.km;
        assert!((km - 83.9).abs() < 0.3, "{km}");
        assert!(b.1 < a.1 && b.0 < a.0, "north is up and west is left");
        assert!(plan.at.iter().all(|(x, y)| (0.0..=WIDTH).contains(x) && (0.0..=plan.height).contains(y)));
    }

    #[test]
    fn the_date_line_parts_no_neighbours() {
        let spots = [spot("A", -17.0, 179.5), spot("B", -17.0, -179.5), spot("C", -17.0, 178.0)];
        let at = plan(&spots).at;
        assert!(at[2].0 < at[0].0 && at[0].0 < at[1].0, "{at:?}");
        assert!((at[1].0 - at[0].0) / (at[0].0 - at[2].0) < 0.7);
    }

    #[test]
    fn one_place_and_no_place_can_be_drawn() {
        let w = Words::of("en");
        let html = draw(&w, "Sites", "two", &[spot("A", 47.0, 8.0), spot("B", 47.0, 8.0)]).into_string();
        assert!(html.contains("50 m") && html.matches("<circle").count() == 2 && !html.contains("NaN"), "{html}");
        assert!(html.contains("<title>A: 3 h</title>") && html.contains("cx=\"320.0\" cy=\"110.0\" r=\"16.0\""), "{html}");
        assert!(!draw(&w, "Sites", "none", &[]).into_string().contains("NaN"));
    }

    #[test]
    fn names_do_not_cover_each_other() {
        let spots: Vec<Spot<'_>> = (0..40).map(|i| spot("A_long_name_of_a_site", 47.0, 8.0 + f64::from(i) / 4000.0)).collect();
        let circles: Vec<Frame> = plan(&spots).at.iter().map(|at| around(*at, 3.0)).collect();
        let names = names(&spots, &circles, LEAST_HEIGHT);
        assert!(!names.is_empty() && names.len() < 40 && names[0].0 == "A_long_name_of_a…");
        let frame = |(text, x, y): &(String, f64, f64)| (*x, *y, x + LETTER * text.chars().count() as f64, y + LINE);
        for (i, one) in names.iter().enumerate() {
            let (a, others) = (frame(one), &names[i + 1..]);
            assert!(others.iter().map(frame).all(|b| a.0 >= b.2 || b.0 >= a.2 || a.1 >= b.3 || b.1 >= a.3));
        }
    }
}
