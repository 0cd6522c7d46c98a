#include "engine/monitor/puzzle_picture.h"

#include <fmt/format.h>

#include <array>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/error.h"
#include "engine/monitor/html.h"

namespace tern {

namespace {

constexpr int kCell = 10;  // SVG units; the page scales the drawing

constexpr std::array<std::string_view, 10> kArcColours = {"#000000", "#0074d9", "#ff4136", "#2ecc40", "#ffdc00",
                                                          "#aaaaaa", "#f012be", "#ff851b", "#7fdbff", "#870c25"};

uint8_t cell(const Grid& grid, int row, int col) {
  return grid.cells[static_cast<size_t>(row * grid.cols + col)];
}

bool differs(const Grid& prediction, const Grid& target, int row, int col) {
  if (row >= target.rows || col >= target.cols) return true;
  return cell(prediction, row, col) != cell(target, row, col);
}

// One path per colour, a rectangle for each run of equal cells: a 30 x 30 grid stays a few kilobytes.
void draw_colours(std::string& svg, const Grid& grid) {
  for (size_t colour = 0; colour <= kArcColours.size(); ++colour) {
    const bool beyond = colour == kArcColours.size();
    const auto is_colour = [&](int row, int col) {
      return beyond ? cell(grid, row, col) >= colour : cell(grid, row, col) == colour;
    };
    std::string path;
    for (int row = 0; row < grid.rows; ++row) {
      for (int col = 0; col < grid.cols; ++col) {
        if (!is_colour(row, col)) continue;
        const int first = col;
        while (col + 1 < grid.cols && is_colour(row, col + 1)) ++col;
        const int width = (col + 1 - first) * kCell;
        fmt::format_to(std::back_inserter(path), "M{} {}h{}v{}h-{}z", first * kCell, row * kCell, width, kCell, width);
      }
    }
    if (path.empty()) continue;
    fmt::format_to(std::back_inserter(svg), R"(<path fill="{}" d="{}"/>)", beyond ? "#d8d8d8" : kArcColours[colour],
                   path);
  }
}

void draw_numbers(std::string& svg, const Grid& grid, uint8_t from) {
  for (int row = 0; row < grid.rows; ++row) {
    for (int col = 0; col < grid.cols; ++col) {
      const int value = cell(grid, row, col);
      if (value < from) continue;
      fmt::format_to(std::back_inserter(svg),
                     R"(<text x="{}" y="{:.1f}" font-size="{}" text-anchor="middle" fill="#111">{}</text>)",
                     col * kCell + kCell / 2, row * kCell + kCell * 0.74,
                     value < 10    ? 7
                     : value < 100 ? 6
                                   : 4.5,
                     value);
    }
  }
}

void draw_grid_lines(std::string& svg, const Grid& grid, GridStyle style) {
  std::string path;
  for (int row = 1; row < grid.rows; ++row) {
    fmt::format_to(std::back_inserter(path), "M0 {}h{}", row * kCell, grid.cols * kCell);
  }
  for (int col = 1; col < grid.cols; ++col) {
    fmt::format_to(std::back_inserter(path), "M{} 0v{}", col * kCell, grid.rows * kCell);
  }
  fmt::format_to(std::back_inserter(svg), R"(<path d="{}" stroke="#777" stroke-width=".5" fill="none"/>)", path);
  if (style == GridStyle::digits && grid.rows == 9 && grid.cols == 9) {
    svg += R"(<path d="M30 0v90M60 0v90M0 30h90M0 60h90" stroke="#222" stroke-width="1.2" fill="none"/>)";
  }
}

// On colours a dark line around a light one, which shows on each of them; red on white.
void draw_wrong_cells(std::string& svg, const Grid& prediction, const Grid& target, GridStyle style) {
  std::string path;
  for (int row = 0; row < prediction.rows; ++row) {
    for (int col = 0; col < prediction.cols; ++col) {
      if (!differs(prediction, target, row, col)) continue;
      fmt::format_to(std::back_inserter(path), "M{} {}h8v8h-8z", col * kCell + 1, row * kCell + 1);
    }
  }
  if (path.empty()) return;
  fmt::format_to(std::back_inserter(svg),
                 R"(<path class="wrong" d="{0}" fill="none" stroke="{1}" stroke-width="2"/>)"
                 R"(<path d="{0}" fill="none" stroke="{2}" stroke-width="1"/>)",
                 path, style == GridStyle::digits ? "#f3b0aa" : "#000",
                 style == GridStyle::digits ? "#d0021b" : "#fff");
}

std::string grid_html(const std::string& name, const Grid& grid, GridStyle style, const Grid* target) {
  TERN_CHECK(grid.rows >= 0 && grid.cols >= 0 &&
                 grid.cells.size() == static_cast<size_t>(grid.rows) * static_cast<size_t>(grid.cols),
             fmt::format("{} cells in a grid of {} x {}", grid.cells.size(), grid.rows, grid.cols));
  if (grid.cells.empty())
    return fmt::format(R"(<div class="grid-box"><div class="none">none</div><p>{}<br>–</p></div>)", name);
  const int width = grid.cols * kCell, height = grid.rows * kCell;
  std::string svg =
      fmt::format(R"(<div class="grid-box"><svg viewBox="0 0 {} {}" role="img" aria-label="{}, {} rows, {} columns">)",
                  width, height, name, grid.rows, grid.cols);
  if (style == GridStyle::colours) {
    draw_colours(svg, grid);
    draw_numbers(svg, grid, kArcColours.size());
  } else {
    fmt::format_to(std::back_inserter(svg), R"(<rect width="{}" height="{}" fill="#fff"/>)", width, height);
    draw_numbers(svg, grid, 1);
  }
  draw_grid_lines(svg, grid, style);
  if (target != nullptr) draw_wrong_cells(svg, grid, *target, style);
  fmt::format_to(std::back_inserter(svg),
                 R"(<rect width="{}" height="{}" fill="none" stroke="#777"/></svg><p>{}<br>{} × {}</p></div>)", width,
                 height, name, grid.rows, grid.cols);
  return svg;
}

nlohmann::json to_json(const Grid& grid) {
  return {{"rows", grid.rows}, {"cols", grid.cols}, {"cells", grid.cells}};
}

Grid to_grid(const nlohmann::json& json) {
  Grid grid{.rows = json.at("rows").get<int>(),
            .cols = json.at("cols").get<int>(),
            .cells = json.at("cells").get<std::vector<uint8_t>>()};
  if (grid.rows < 0 || grid.cols < 0 || grid.rows > 1000 || grid.cols > 1000 ||
      grid.cells.size() != static_cast<size_t>(grid.rows) * static_cast<size_t>(grid.cols)) {
    throw Error(ErrorKind::data, "number of cells doesn't match the grid's size");
  }
  return grid;
}

}  // namespace

std::string puzzle_picture_html(const PuzzlePicture& p) {
  return fmt::format(R"(<figure class="puzzle"><figcaption>{} <span class="{}">{}</span></figcaption>)"
                     R"(<div class="grids">{}{}{}</div></figure>)"
                     "\n",
                     html_escape(p.title), p.correct ? "good" : "bad", p.correct ? "✓ correct" : "✗ wrong",
                     grid_html("input", p.input, p.style, nullptr), grid_html("target", p.target, p.style, nullptr),
                     grid_html("prediction", p.prediction, p.style, &p.target));
}

std::string pictures_to_json(const std::vector<PuzzlePicture>& pictures) {
  nlohmann::json all = nlohmann::json::array();
  for (const PuzzlePicture& p : pictures) {
    all.push_back({{"title", p.title},
                   {"input", to_json(p.input)},
                   {"target", to_json(p.target)},
                   {"prediction", to_json(p.prediction)},
                   {"correct", p.correct},
                   {"digits", p.style == GridStyle::digits}});
  }
  return all.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

std::vector<PuzzlePicture> pictures_from_json(const std::string& json, const std::string& where) {
  try {
    std::vector<PuzzlePicture> pictures;
    for (const nlohmann::json& p : nlohmann::json::parse(json)) {
      pictures.push_back({.title = p.at("title").get<std::string>(),
                          .input = to_grid(p.at("input")),
                          .target = to_grid(p.at("target")),
                          .prediction = to_grid(p.at("prediction")),
                          .correct = p.at("correct").get<bool>(),
                          .style = p.at("digits").get<bool>() ? GridStyle::digits : GridStyle::colours});
    }
    return pictures;
  } catch (const std::exception& error) {
    throw Error(ErrorKind::data, std::string("not a list of puzzle pictures: ") + error.what(), where);
  }
}

}  // namespace tern
