//! Tables for people: aligned columns without borders. On a terminal, long cells wrap to its width;
//! elsewhere, each row is one line.

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, Color, ContentArrangement};

use crate::style::{Colours, Style};

/// Renders rows below a heading, each line indented by this many spaces.
pub(crate) fn render<const N: usize>(
    heading: [&str; N],
    rows: impl IntoIterator<Item = (Style, [String; N])>,
    indent: u16,
    colours: Colours,
) -> String {
    let mut table = comfy_table::Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_header(heading.map(|name| cell(name, Style::Heading, colours)));
    for (style, cells) in rows {
        table.add_row(cells.map(|text| cell(&text, style, colours)));
    }
    for (index, column) in table.column_iter_mut().enumerate() {
        column.set_padding((if index == 0 { indent } else { 0 }, 2));
    }
    table.trim_fmt()
}

fn cell(text: &str, style: Style, colours: Colours) -> Cell {
    let cell = Cell::new(text);
    match (colours, style) {
        (Colours::Off, _) | (Colours::On, Style::Plain) => cell,
        (Colours::On, Style::Good) => cell.fg(Color::DarkGreen),
        (Colours::On, Style::Warning) => cell.fg(Color::DarkYellow),
        (Colours::On, Style::Bad) => cell.fg(Color::DarkRed),
        (Colours::On, Style::Heading) => cell.add_attribute(Attribute::Bold),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_their_longest_cell() {
        let rows = [(Style::Good, ["ccc", "d"].map(str::to_owned))];
        assert_eq!(render(["a", "bb"], rows, 0, Colours::Off), "a    bb\nccc  d");
        let rows = [(Style::Plain, ["ccc", "d"].map(str::to_owned))];
        assert_eq!(render(["a", "bb"], rows, 2, Colours::Off), "  a    bb\n  ccc  d");
    }
}
