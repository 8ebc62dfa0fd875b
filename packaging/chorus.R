# The tables of a run of Chorus in R, by arrow and dplyr:
#
#   source("chorus.R")
#   run <- chorus_run("runs/demo")
#   chorus_tables(run)
#   chorus_table(run, "detections") |> filter(class == "FICPRI") |> collect()
#   chorus_query(run, "SELECT * FROM nightly WHERE class = 'FICPRI'")
#   sound <- chorus_spectrograms(run, site == "POND01")
#   image(t(sound$values[1, , ]))
#
# install.packages(c("arrow", "dplyr")) gets both packages. Nothing is read before `collect()`, but for arrays.

library(arrow)
library(dplyr)

#' The run in a folder.
#' @param path The folder of a run, such as "runs/demo".
#' @return The absolute path; stops where the folder holds no tables.
chorus_run <- function(path) {
  if (!dir.exists(file.path(path, "tables"))) {
    stop(path, ": found no folder tables there; expected the folder of a run, such as runs/demo")
  }
  normalizePath(path)
}

#' The names of the tables that a run has.
#' @param run A run from `chorus_run`.
#' @return A character vector, in alphabetical order.
chorus_tables <- function(run) {
  folders <- list.dirs(file.path(run, "tables"), recursive = FALSE)
  sort(basename(folders[vapply(folders, function(folder) length(chorus_files(folder)) > 0, logical(1))]))
}

#' A table, of which nothing is read before `collect()`.
#' @param run A run from `chorus_run`.
#' @param name The name of a table. `chorus schema NAME` lists its columns with units and meaning.
#' @return A Dataset of arrow. Tables by site and day also have `site` (text) and `date` (a date, NA where the day of a recording is not
#'   known). Stops where the run has no such table.
chorus_table <- function(run, name) {
  folder <- chorus_folder(run, name)
  if (chorus_is_partitioned(folder)) {
    open_dataset(folder, partitioning = hive_partition(site = utf8(), date = date32()))
  } else {
    open_dataset(folder)
  }
}

#' The answer of `chorus query` to a question in SQL. It knows views that other engines do not have, such as `nightly`.
#' @param run A run from `chorus_run`.
#' @param sql One SELECT.
#' @return A tibble.
chorus_query <- function(run, sql) {
  answer <- tempfile(fileext = ".parquet")
  on.exit(unlink(answer))
  chorus("query", "--run", run, "-o", answer, "--", sql)
  read_parquet(answer)
}

#' Runs the command `chorus`; its messages go to stderr.
#' @param ... Arguments, such as "run", "-c", "ponds.yaml".
#' @return What it prints on stdout, line by line. Stops where it fails.
chorus <- function(...) {
  printed <- suppressWarnings(system2("chorus", shQuote(c(...)), stdout = TRUE))
  status <- attr(printed, "status")
  if (!is.null(status)) stop("chorus ended with exit status ", status, "; see its messages above")
  invisible(printed)
}

#' The rows of a table that holds an array for each, and these arrays. All of them are in memory.
#' @param run A run from `chorus_run`.
#' @param name "features" or "embeddings".
#' @param column The column of the arrays: "logmel" or "embedding".
#' @param ... Conditions of dplyr's `filter` that say which rows, such as `site == "POND01"`.
#' @return A list: `windows`, a tibble without the arrays; `values`, an array of numbers whose first dimension is the row of `windows`.
#'   Stops where the arrays of the run differ in shape.
chorus_arrays <- function(run, name, column, ...) {
  rows <- chorus_table(run, name) |> filter(...) |> collect()
  shapes <- unique(vapply(chorus_files(chorus_folder(run, name)), chorus_shape, character(1)))
  if (length(shapes) > 1) stop(name, ": the arrays differ in shape: ", paste(shapes, collapse = "; "))
  shape <- as.integer(strsplit(shapes, ",")[[1]])
  list(windows = rows[setdiff(names(rows), column)], values = chorus_stack(rows[[column]], shape))
}

#' The windows of the table features, and their log-mel spectrograms: `values[window, mel, frame]`, in dB. See `chorus_arrays`.
chorus_spectrograms <- function(run, ...) chorus_arrays(run, "features", "logmel", ...)

#' The windows of the table embeddings, and their embeddings: `values[window, value]`. See `chorus_arrays`.
chorus_embeddings <- function(run, ...) chorus_arrays(run, "embeddings", "embedding", ...)

# The folder of a table.
chorus_folder <- function(run, name) {
  if (!name %in% chorus_tables(run)) {
    stop(run, " has no table ", name, "; it has ", paste(chorus_tables(run), collapse = ", "))
  }
  file.path(run, "tables", name)
}

chorus_files <- function(folder) list.files(folder, "\\.parquet$", recursive = TRUE, full.names = TRUE)

chorus_is_partitioned <- function(folder) length(list.files(folder, "\\.parquet$")) == 0

# The shape of the arrays of a file, such as "128,188".
chorus_shape <- function(file) ParquetFileReader$create(file)$GetSchema()$metadata[["chorus.shape"]]

# Arrays of one shape, each as its bytes, as one array whose first dimension is the place in the list.
chorus_stack <- function(arrays, shape) {
  # Without rows there are no bytes, and `c` of nothing is NULL.
  numbers <- chorus_halves(as.raw(do.call(c, lapply(arrays, as.raw))))
  # Written row by row, the last index fastest; R's first index is the fastest.
  aperm(array(numbers, c(rev(shape), length(arrays))), (length(shape) + 1):1)
}

# Numbers of 16 bits, little-endian IEEE 754, as R's numbers.
chorus_halves <- function(bytes) {
  bits <- readBin(bytes, "integer", n = length(bytes) / 2, size = 2, signed = FALSE, endian = "little")
  sign <- ifelse(bits >= 32768L, -1, 1)
  exponent <- bits %/% 1024L %% 32L
  fraction <- bits %% 1024L
  # Below the smallest exponent numbers have no leading one; the largest is for infinity and what is no number.
  size <- ifelse(exponent == 0L, fraction * 2^-24, (1024 + fraction) * 2^(exponent - 25))
  size[exponent == 31L] <- ifelse(fraction[exponent == 31L] == 0L, Inf, NaN)
  sign * size
}
