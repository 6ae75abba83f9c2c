#ifndef HOPTRAIL_CLI_TABLE_H_
#define HOPTRAIL_CLI_TABLE_H_

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

#include "cli/text.h"

namespace hoptrail::cli {

// The text of a cell, in one or more forms, the longest first. Where a column must become narrower,
// all its cells switch to a later form together. Already escaped.
class Cell {
 public:
  Cell() : forms_(1) {}
  Cell(std::string text) : forms_{std::move(text)} {}  // NOLINT: cells are mostly plain text
  Cell(const char* text) : forms_{text} {}             // NOLINT
  static Cell Forms(std::vector<std::string> forms) {
    Cell cell;
    cell.forms_ = std::move(forms);
    return cell;
  }

  const std::string& form(size_t level) const {
    return forms_[level < forms_.size() ? level : forms_.size() - 1];
  }
  size_t levels() const { return forms_.size(); }

 private:
  std::vector<std::string> forms_;
};

// A column, and how it shrinks on a narrow terminal.
struct Column {
  Cell heading;
  int rank = 0;           // columns of the highest rank are left out first; rank 0 stays
  size_t least = 0;       // the width in terminal columns to which text may be cut; 0: never cut
  Cut cut = Cut::kEnd;    // where text is cut
  bool optional = false;  // left out where all its cells are empty
};

// Rows of cells under a heading, in columns two blanks apart. Where the style has a width, columns
// that do not fit are shortened, cut or left out, the least important first; a note below names
// those that were left out.
class Table {
 public:
  Table(std::vector<Column> columns, const Style& style);
  void Add(std::vector<Cell> row);
  std::string Render() const;

 private:
  struct Layout;

  size_t Natural(size_t column, size_t level) const;
  size_t Levels(size_t column) const;
  size_t Least(size_t column) const;
  bool IsEmpty(size_t column) const;
  Layout Arrange() const;

  const Style style_;
  const std::vector<Column> columns_;
  std::vector<std::vector<Cell>> rows_;
};

}  // namespace hoptrail::cli

#endif  // HOPTRAIL_CLI_TABLE_H_
