# Calls the functions of packaging/chorus.R on a run: Rscript tests/interop/chorus.R CHORUS RUN
#
# Ends with exit status 1 where one of them differs from what `chorus` says. Debian has dplyr and R for this (r-cran-dplyr, r-base-core), and
# not arrow: without arrow the functions that read Parquet files are left out, and the last line says so.

arguments <- commandArgs(trailingOnly = TRUE)
stopifnot("usage: Rscript tests/interop/chorus.R CHORUS RUN" = length(arguments) == 2)
program <- normalizePath(arguments[1])
folder <- arguments[2]
Sys.setenv(PATH = paste(dirname(program), Sys.getenv("PATH"), sep = ":"))

script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
code <- readLines(file.path(dirname(script), "..", "..", "packaging", "chorus.R"), encoding = "UTF-8")
with_arrow <- requireNamespace("arrow", quietly = TRUE)
if (!with_arrow) code <- code[code != "library(arrow)"]
suppressPackageStartupMessages(eval(parse(text = code)))

# The message with which an expression stops.
message_of <- function(expression) tryCatch({ expression; "it did not stop" }, error = conditionMessage)
holds <- function(what, ok) if (!isTRUE(ok)) { cat("not so:", what, "\n"); quit(status = 1) }

run <- chorus_run(folder)
holds("the path of a run is absolute", startsWith(run, "/") && dir.exists(run))
holds("a folder without tables is refused", grepl("found no folder tables there", message_of(chorus_run(tempdir())), fixed = TRUE))
tables <- chorus_tables(run)
holds("the run has tables", all(c("features", "segments") %in% tables) && !is.unsorted(tables))
holds("a table that is not there is refused, and those that are there are named",
      grepl(paste0("has no table nothing; it has ", paste(tables, collapse = ", ")), message_of(chorus_folder(run, "nothing")), fixed = TRUE))
holds("tables by site and day are told from others", chorus_is_partitioned(chorus_folder(run, "features")))

holds("the command answers", grepl("^chorus [0-9]", chorus("--version")))
holds("arguments with blanks and quotes arrive whole",
      identical(chorus("query", "--run", run, "--format", "csv", "--", "SELECT 'a  b\"$HOME' AS x")[2], '"a  b""$HOME"'))
holds("a command that fails stops", grepl("exit status 2", message_of(suppressWarnings(chorus("--nonsense"))), fixed = TRUE))

# IEEE 754 of 16 bits: one, minus two, a third, the largest, the smallest normal one, the smallest, minus zero, infinities, and no number.
bits <- c(0x3C00L, 0xC000L, 0x3555L, 0x7BFFL, 0x0400L, 0x0001L, 0x8000L, 0x7C00L, 0xFC00L, 0x7E00L)
bytes <- writeBin(bits, raw(), size = 2, endian = "little")
holds("numbers of 16 bits are read", identical(chorus_halves(bytes), c(1, -2, 0.333251953125, 65504, 2^-14, 2^-24, 0, Inf, -Inf, NaN)))
counted <- function(from) writeBin(as.integer(c(0x3C00, 0x4000, 0x4200, 0x4400, 0x4500, 0x4600))[from], raw(), size = 2, endian = "little")
stacked <- chorus_stack(list(counted(1:6), counted(6:1)), c(2L, 3L))
holds("arrays are laid out as [row of the table, mel, frame]", identical(dim(stacked), c(2L, 2L, 3L)) &&
  identical(stacked[1, , ], rbind(c(1, 2, 3), c(4, 5, 6))) && identical(stacked[2, 1, ], c(6, 5, 4)))
holds("no arrays are an array without rows", identical(dim(chorus_stack(list(), c(2L, 3L))), c(0L, 2L, 3L)))

if (with_arrow) {
  for (name in tables) {
    rows <- chorus_table(run, name) |> summarise(n = n()) |> collect()
    holds(paste(name, "has as many rows for chorus"), rows$n == chorus_query(run, paste("SELECT COUNT(*) AS n FROM", name))$n)
  }
  first <- chorus_table(run, "segments") |> head(1) |> collect()
  holds("site is text, and date a date", is.character(first$site) && inherits(first$date, "Date"))
  sound <- chorus_spectrograms(run, site == first$site)
  holds("a spectrogram for each row", dim(sound$values)[1] == nrow(sound$windows) && length(dim(sound$values)) == 3 && all(is.finite(sound$values)))
  cat("packaging/chorus.R:", length(tables), "tables alike in arrow and chorus, and arrays\n")
} else {
  cat("packaging/chorus.R: works, but what reads Parquet files was left out, since the package arrow is not installed\n")
}
