#include "cli/table.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"

namespace hoptrail::cli {
namespace {

constexpr size_t kApart = 2;

size_t Total(const std::vector<size_t>& shown, const std::vector<size_t>& widths) {
  size_t total = 0;
  for (const size_t column : shown) total += widths[column] + (total == 0 ? 0 : kApart);
  return total;
}

}  // namespace

struct Table::Layout {
  std::vector<size_t> shown;   // columns, from left to right
  std::vector<size_t> levels;  // of every column: the form of its cells
  std::vector<size_t> widths;  // of every column
  std::vector<std::string> left_out;
};

Table::Table(std::vector<Column> columns, const Style& style)
    : style_(style), columns_(std::move(columns)) {}

void Table::Add(std::vector<Cell> row) {
  row.resize(columns_.size());
  rows_.push_back(std::move(row));
}

size_t Table::Levels(size_t column) const {
  size_t levels = columns_[column].heading.levels();
  for (const auto& row : rows_) levels = std::max(levels, row[column].levels());
  return levels;
}

size_t Table::Natural(size_t column, size_t level) const {
  size_t width = Width(columns_[column].heading.form(level));
  for (const auto& row : rows_) width = std::max(width, Width(row[column].form(level)));
  return width;
}

size_t Table::Least(size_t column) const {
  const size_t shortest = Natural(column, Levels(column) - 1);
  const size_t least = columns_[column].least;
  return least == 0 ? shortest : std::min(shortest, least);
}

bool Table::IsEmpty(size_t column) const {
  return std::all_of(rows_.begin(), rows_.end(),
                     [&](const auto& row) { return row[column].form(0).empty(); });
}

Table::Layout Table::Arrange() const {
  Layout layout;
  layout.levels.assign(columns_.size(), 0);
  layout.widths.resize(columns_.size());
  for (size_t column = 0; column < columns_.size(); ++column) {
    layout.widths[column] = Natural(column, 0);
    if (!columns_[column].optional || !IsEmpty(column)) layout.shown.push_back(column);
  }
  if (style_.width == 0 || Total(layout.shown, layout.widths) <= style_.width) return layout;

  // Every column at its least width; columns that do not fit even so are left out.
  std::vector<size_t> importance = layout.shown;
  std::stable_sort(importance.begin(), importance.end(),
                   [&](size_t a, size_t b) { return columns_[a].rank < columns_[b].rank; });
  for (const size_t column : layout.shown) {
    layout.widths[column] = Least(column);
    layout.levels[column] = Levels(column) - 1;
  }
  while (Total(layout.shown, layout.widths) > style_.width &&
         columns_[importance.back()].rank > 0) {
    layout.left_out.push_back(columns_[importance.back()].heading.form(SIZE_MAX));
    std::erase(layout.shown, importance.back());
    importance.pop_back();
  }
  // The remaining room goes to the columns by importance: first to text that is cut, then to cells
  // that only have a shorter form.
  std::stable_sort(importance.begin(), importance.end(), [&](size_t a, size_t b) {
    return std::pair(columns_[a].rank, Levels(a) > 1) < std::pair(columns_[b].rank, Levels(b) > 1);
  });
  const size_t total = Total(layout.shown, layout.widths);
  size_t room = total < style_.width ? style_.width - total : 0;
  for (const size_t column : importance) {
    size_t& width = layout.widths[column];
    const size_t levels = Levels(column);
    for (size_t level = 0; level < levels; ++level) {
      const size_t wanted = Natural(column, level);
      if (wanted > width + room && level + 1 < levels) continue;
      const size_t gets = std::max(width, std::min(wanted, width + room));
      room -= gets - width;
      width = gets;
      layout.levels[column] = level;
      break;
    }
  }
  return layout;
}

std::string Table::Render() const {
  const Layout layout = Arrange();
  std::string out;
  const auto write = [&](const auto& cell_of, bool heading) {
    size_t owed = 0;  // Blanks are written only before the next text: none at a line's end.
    for (const size_t column : layout.shown) {
      const size_t width = layout.widths[column];
      const std::string text =
          Fit(cell_of(column).form(layout.levels[column]), width, columns_[column].cut, style_);
      if (!text.empty()) {
        absl::StrAppend(&out, std::string(owed, ' '),
                        heading ? Paint(text, Colour::kBold, style_) : text);
        owed = 0;
      }
      owed += width - std::min(width, Width(text)) + kApart;
    }
    out += "\n";
  };
  write([&](size_t column) -> const Cell& { return columns_[column].heading; }, true);
  for (const auto& row : rows_) {
    write([&](size_t column) -> const Cell& { return row[column]; }, false);
  }
  if (!layout.left_out.empty()) {
    const std::string note =
        absl::StrCat("(not shown: ", absl::StrJoin(layout.left_out, ", "), "; --wide shows all)");
    for (const std::string& line : Wrap(note, style_.width)) {
      absl::StrAppend(&out, Paint(line, Colour::kDim, style_), "\n");
    }
  }
  return out;
}

}  // namespace hoptrail::cli
