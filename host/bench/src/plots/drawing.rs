//! Lines over two axes, as an SVG file.

use std::path::Path;

use anyhow::{Result, anyhow};
use plotters::coord::ranged1d::{AsRangedCoord, ValueFormatter};
use plotters::prelude::*;

const SIZE: (u32, u32) = (880, 480);
/// Colours that colour-blind people can distinguish (by Okabe and Ito).
const COLOURS: [RGBColor; 3] = [RGBColor(0, 114, 178), RGBColor(213, 94, 0), RGBColor(0, 158, 115)];

/// Points joined by a line, with a name.
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) points: Vec<(f64, f64)>,
}

/// Title, axes and legend.
pub(crate) struct Frame<X> {
    pub(crate) title: &'static str,
    pub(crate) x: X,
    pub(crate) x_name: &'static str,
    pub(crate) x_label: fn(&f64) -> String,
    pub(crate) y_name: &'static str,
    pub(crate) y_label: fn(&f64) -> String,
    /// The position of the legend.
    pub(crate) names: SeriesLabelPosition,
}

/// Draws lines over an x axis and a y axis.
pub(crate) fn draw<X, Y>(file: &Path, frame: Frame<X>, y: Y, lines: &[Line]) -> Result<()>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    let area = SVGBackend::new(file, SIZE).into_drawing_area();
    paint(&area, frame, y, lines).map_err(|error| anyhow!("could not draw {}: {error}", file.display()))
}

fn paint<'a, X, Y>(
    area: &DrawingArea<SVGBackend<'a>, plotters::coord::Shift>,
    frame: Frame<X>,
    y: Y,
    lines: &[Line],
) -> Result<(), DrawingAreaErrorKind<std::io::Error>>
where
    X: AsRangedCoord<Value = f64>,
    Y: AsRangedCoord<Value = f64>,
    X::CoordDescType: ValueFormatter<f64>,
    Y::CoordDescType: ValueFormatter<f64>,
{
    area.fill(&WHITE)?;
    let mut chart = ChartBuilder::on(area)
        .caption(frame.title, ("sans-serif", 20))
        .margin(16)
        .margin_right(32)
        .x_label_area_size(48)
        .y_label_area_size(72)
        .build_cartesian_2d(frame.x, y)?;
    chart
        .configure_mesh()
        .x_desc(frame.x_name)
        .y_desc(frame.y_name)
        .x_label_formatter(&frame.x_label)
        .y_label_formatter(&frame.y_label)
        .label_style(("sans-serif", 14))
        .axis_desc_style(("sans-serif", 15))
        .light_line_style(BLACK.mix(0.05))
        .draw()?;
    for (line, colour) in lines.iter().zip(COLOURS) {
        chart
            .draw_series(LineSeries::new(line.points.iter().copied(), colour.stroke_width(2)).point_size(3))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 18, y)], colour.stroke_width(2)));
    }
    chart
        .configure_series_labels()
        .position(frame.names)
        .background_style(WHITE.mix(0.85))
        .border_style(BLACK.mix(0.3))
        .label_font(("sans-serif", 14))
        .draw()?;
    area.present()
}

/// A logarithmic axis from a power of ten to a power of ten. It holds all points, and values `room` times as high.
pub(crate) fn decades(lines: &[Line], axis: fn(&(f64, f64)) -> f64, room: f64) -> LogCoord<f64> {
    let values = || lines.iter().flat_map(|line| &line.points).map(axis);
    let smallest = values().fold(f64::INFINITY, f64::min);
    let largest = values().fold(0.0, f64::max) * room;
    (10f64.powf(smallest.log10().floor())..10f64.powf(largest.log10().ceil())).log_scale().into()
}

/// A number of seconds with a readable unit.
pub(crate) fn seconds(seconds: &f64) -> String {
    match *seconds {
        0.0 => "0".to_owned(),
        s if s < 0.000_999 => format!("{:.0} µs", s * 1e6),
        s if s < 0.999 => format!("{:.0} ms", s * 1e3),
        s => format!("{s:.1} s").replace(".0 s", " s"),
    }
}
