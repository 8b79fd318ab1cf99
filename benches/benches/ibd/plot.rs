//! Lines over a common axis, as a picture.

use std::fmt::Write;

/// A line and its name.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) label: String,
    pub(crate) points: Vec<(f64, f64)>,
}

/// One diagram.
#[derive(Debug)]
pub(crate) struct Panel {
    pub(crate) title: String,
    pub(crate) series: Vec<Series>,
}

const WIDTH: f64 = 760.0;
const HEIGHT: f64 = 300.0;
const LEFT: f64 = 60.0;
const RIGHT: f64 = 110.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 40.0;

/// Told apart by those who do not see all colours (Okabe and Ito).
const COLOURS: [&str; 8] =
    ["#0072b2", "#e69f00", "#009e73", "#d55e00", "#56b4e9", "#cc79a7", "#999999", "#000000"];

/// The diagrams below each other; `x` names their common axis.
pub(crate) fn svg(panels: &[Panel], x: &str) -> String {
    let height = HEIGHT * panels.len() as f64;
    let mut out = format!(
        "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 {WIDTH} {height}\" font-family=\"sans-serif\" \
         font-size=\"12\">\n<rect width=\"{WIDTH}\" height=\"{height}\" fill=\"#ffffff\"/>\n"
    );
    for (index, panel) in panels.iter().enumerate() {
        let _ = writeln!(out, "<g transform=\"translate(0 {})\">", HEIGHT * index as f64);
        draw(&mut out, panel, x);
        out.push_str("</g>\n");
    }
    out.push_str("</svg>\n");
    out
}

fn draw(out: &mut String, panel: &Panel, x_name: &str) {
    let points = || panel.series.iter().flat_map(|series| &series.points);
    let most = |at: fn(&(f64, f64)) -> f64| points().map(at).fold(1.0, f64::max);
    let (x_step, y_step) = (step(most(|point| point.0)), step(most(|point| point.1)));
    let x_end = (most(|point| point.0) / x_step).ceil() * x_step;
    let y_end = (most(|point| point.1) / y_step).ceil() * y_step;
    let x_at = |x: f64| LEFT + x / x_end * (WIDTH - LEFT - RIGHT);
    let y_at = |y: f64| HEIGHT - BOTTOM - y / y_end * (HEIGHT - TOP - BOTTOM);
    let _ = writeln!(out, "<text x=\"{LEFT}\" y=\"20\" font-size=\"14\">{}</text>", panel.title);
    for y in ticks(y_end, y_step) {
        let (right, at) = (x_at(x_end), y_at(y));
        let _ = writeln!(
            out,
            "<path d=\"M{LEFT} {at:.1}H{right:.1}\" stroke=\"#dddddd\"/><text x=\"{:.0}\" y=\"{:.1}\" \
             text-anchor=\"end\">{y}</text>",
            LEFT - 6.0,
            at + 4.0
        );
    }
    for x in ticks(x_end, x_step) {
        let at = x_at(x);
        let below = HEIGHT - BOTTOM + 16.0;
        let _ = writeln!(out, "<text x=\"{at:.1}\" y=\"{below}\" text-anchor=\"middle\">{x}</text>");
    }
    let (middle, last) = (x_at(x_end / 2.0), HEIGHT - 6.0);
    let _ = writeln!(out, "<text x=\"{middle:.1}\" y=\"{last}\" text-anchor=\"middle\">{x_name}</text>");
    for (index, series) in panel.series.iter().enumerate() {
        let colour = COLOURS[index % COLOURS.len()];
        let line: Vec<String> =
            series.points.iter().map(|(x, y)| format!("{:.1},{:.1}", x_at(*x), y_at(*y))).collect();
        let _ = writeln!(
            out,
            "<polyline fill=\"none\" stroke=\"{colour}\" stroke-width=\"1.5\" points=\"{}\"/>",
            line.join(" ")
        );
        let (at, y) = (WIDTH - RIGHT + 12.0, TOP + 8.0 + 18.0 * index as f64);
        let _ = writeln!(out, "<text x=\"{at}\" y=\"{y}\" fill=\"{colour}\">{}</text>", series.label);
    }
}

/// A round distance between ticks, so that there are four to ten.
fn step(most: f64) -> f64 {
    let unit = 10_f64.powf(most.log10().floor());
    [0.1, 0.2, 0.5, 1.0].into_iter().map(|part| part * unit).find(|step| most / step <= 10.0).unwrap_or(unit)
}

fn ticks(end: f64, step: f64) -> impl Iterator<Item = f64> {
    let count = (end / step).round() as u32;
    (0..=count).map(move |tick| f64::from(tick) * step)
}
