# From the files of `chorus export occupancy` to the objects of R's packages for occupancy. In the exported folder:
#
#   source("read.R")
#   survey <- chorus_read(".")
#   unmarked::occu(~ minutes ~ 1, chorus_unmarked(survey, "FICPRI", "minutes"))
#   unmarked::occuFP(~ 1, ~ 1, ~ 1, ~ 1, data = chorus_false_positives(survey, "FICPRI"))
#   spOccupancy::PGOcc(~ 1, ~ minutes, chorus_spoccupancy(survey, "FICPRI", "minutes"), n.samples = 5000)
#   chorus_fit_scores(chorus_scores(survey, "FICPRI"))
#
# In all of them, a visit without effort is NA.

# Texts as they were: `chorus export` puts an apostrophe before what a spreadsheet would take for a formula.
chorus_typed <- function(column) {
  if (is.factor(column)) {
    levels(column) <- chorus_typed(levels(column))
    return(column)
  }
  if (!is.character(column)) return(column)
  first <- substr(sub("^'+", "", column), 1, 1)
  wide <- intToUtf8(c(0xff1d, 0xff0b, 0xff0d, 0xff20), multiple = TRUE)
  marked <- startsWith(column, "'") & first %in% c("=", "+", "-", "@", "\t", "\r", "\n", wide)
  column[marked] <- substring(column[marked], 2)
  column
}

# The files: visits, covariates of visits, sites; and the primary periods in order.
chorus_read <- function(folder = ".") {
  names <- c(site = "character", primary = "character")
  read <- function(name, ...) {
    table <- utils::read.csv(file.path(folder, name), ...)
    table[] <- lapply(table, chorus_typed)
    table
  }
  visits <- read("visits.csv", colClasses = c(class = "character", names))
  covariates <- read("visit_covariates.csv", colClasses = names)
  sites <- read("sites.csv", colClasses = names["site"], stringsAsFactors = TRUE)
  list(visits = visits, covariates = covariates, sites = sites, periods = sort(unique(covariates$primary)))
}

# One primary period alone: what models of a single season take.
chorus_period <- function(survey, primary) {
  stopifnot(primary %in% survey$periods)
  survey$visits <- survey$visits[survey$visits$primary == primary, ]
  survey$covariates <- survey$covariates[survey$covariates$primary == primary, ]
  survey$periods <- primary
  survey
}

# A column as an array of sites by primary periods by visits: of a class, or without one of the covariates.
chorus_array <- function(survey, column, class = NULL) {
  table <- survey$covariates
  if (!is.null(class)) table <- survey$visits[survey$visits$class == class, ]
  if (!column %in% names(table)) stop("no column ", column, "; there are: ", paste(names(table), collapse = ", "))
  if (nrow(table) == 0) stop("no class ", class, "; there are: ", paste(unique(survey$visits$class), collapse = ", "))
  sites <- survey$sites$site
  visits <- seq_len(max(survey$covariates$visit))
  values <- array(NA, c(length(sites), length(survey$periods), length(visits)), list(sites, survey$periods, visits))
  values[cbind(match(table$site, sites), match(table$primary, survey$periods), table$visit)] <- table[[column]]
  values
}

# The same as a matrix of sites by visits, one primary period after the other.
chorus_matrix <- function(survey, column, class = NULL) {
  values <- chorus_array(survey, column, class)
  size <- dim(values)
  names <- paste(rep(survey$periods, each = size[3]), seq_len(size[3]), sep = ".")
  matrix(aperm(values, c(1, 3, 2)), size[1], dimnames = list(survey$sites$site, names))
}

# Matrices of covariates by their names.
chorus_covariates <- function(survey, covariates) {
  sapply(covariates, function(column) chorus_matrix(survey, column), simplify = FALSE)
}

# What is known of sites, without columns of which nothing is known.
chorus_sites <- function(survey) {
  sites <- survey$sites[, names(survey$sites) != "site", drop = FALSE]
  sites[, colSums(!is.na(sites)) > 0, drop = FALSE]
}

# unmarked: a frame for occu, or for colext where there are several primary periods.
chorus_unmarked <- function(survey, class, covariates = character()) {
  y <- chorus_matrix(survey, "detected", class)
  sites <- chorus_sites(survey)
  observed <- chorus_covariates(survey, covariates)
  if (length(observed) == 0) observed <- NULL
  periods <- length(survey$periods)
  if (periods > 1) return(unmarked::unmarkedMultFrame(y, siteCovs = sites, obsCovs = observed, numPrimary = periods))
  unmarked::unmarkedFrameOccu(y, siteCovs = sites, obsCovs = observed)
}

# Observations of type 3: 0 not detected, 1 detected and not certain, 2 certain, since a listener heard the class. A visit whose detections
# are all refuted has none.
chorus_certainty <- function(survey, class) {
  get <- function(column) chorus_matrix(survey, column, class)
  y <- get("detected")
  events <- get("events")
  y[which(events > 0 & get("events_refuted") >= events)] <- 0
  y[which(!is.na(y) & get("confirmed") > 0)] <- 2
  y
}

# unmarked: a frame for occuFP, of a single primary period. All observations are of type 3.
chorus_false_positives <- function(survey, class, covariates = character()) {
  if (length(survey$periods) > 1) stop("occuFP is for one season: choose one with chorus_period(survey, PRIMARY)")
  y <- chorus_certainty(survey, class)
  observed <- chorus_covariates(survey, covariates)
  if (length(observed) == 0) observed <- NULL
  unmarked::unmarkedFrameOccuFP(y, siteCovs = chorus_sites(survey), obsCovs = observed, type = c(0, 0, ncol(y)))
}

# spOccupancy: data for PGOcc (one class), msPGOcc (several), tPGOcc (one, several primary periods) or tMsPGOcc. Models with space want
# coordinates in metres: project `coords` first.
chorus_spoccupancy <- function(survey, classes, covariates = character()) {
  keep <- function(values) {
    if (length(survey$periods) > 1) return(values)
    matrix(values, nrow(values), dimnames = dimnames(values)[c(1, 3)])
  }
  each <- lapply(classes, function(class) keep(chorus_array(survey, "detected", class)))
  y <- each[[1]]
  if (length(classes) > 1) {
    size <- dim(y)
    y <- array(unlist(each), c(size, length(classes)), c(dimnames(y), list(classes)))
    y <- aperm(y, c(length(size) + 1, seq_along(size)))
  }
  observed <- sapply(covariates, function(column) keep(chorus_array(survey, column)), simplify = FALSE)
  list(y = y, occ.covs = chorus_sites(survey), det.covs = observed, coords = as.matrix(survey$sites[, c("longitude", "latitude")]))
}

# Scores without a threshold: the highest of each visit, and whether it is right (1), wrong (0) or not known (NA).
chorus_scores <- function(survey, class, score = "max_logit") {
  list(score = chorus_matrix(survey, score, class), annotation = chorus_matrix(survey, "annotation", class))
}

# The occupancy model with continuous scores of Rhinehart et al. (2022) by maximum likelihood, of one season: a site is occupied with
# probability psi; a visit of an occupied site holds the class with probability theta; the score is normal, with another mean and spread
# where the class is. Estimates with 95 % intervals.
chorus_fit_scores <- function(data) {
  score <- data$score
  annotation <- data$annotation
  known <- !is.na(score)
  high <- stats::quantile(score, 0.9, na.rm = TRUE)
  start <- c(0, 0, mean(score[known & score <= high]), log(stats::sd(score[known])), log(max(high - mean(score[known]), 0.1)), log(stats::sd(score[known])))
  nll <- function(p) {
    psi <- stats::plogis(p[1])
    theta <- stats::plogis(p[2])
    without <- stats::dnorm(score, p[3], exp(p[4]))
    with <- stats::dnorm(score, p[3] + exp(p[5]), exp(p[6]))
    is <- !is.na(annotation) & annotation == 1
    is_not <- !is.na(annotation) & annotation == 0
    occupied <- ifelse(is, theta * with, ifelse(is_not, (1 - theta) * without, theta * with + (1 - theta) * without))
    empty <- ifelse(is, 0, without)
    product <- function(values) apply(ifelse(known, values, 1), 1, function(row) sum(log(row)))
    a <- log(psi) + product(occupied)
    b <- log(1 - psi) + product(empty)
    top <- pmax(a, b)
    -sum(top + log(exp(a - top) + exp(b - top)))
  }
  fit <- stats::optim(start, nll, method = "BFGS", hessian = TRUE, control = list(maxit = 1000))
  error <- sqrt(diag(solve(fit$hessian)))
  interval <- cbind(estimate = fit$par, low = fit$par - 1.96 * error, high = fit$par + 1.96 * error)
  shown <- rbind(psi = stats::plogis(interval[1, ]), theta = stats::plogis(interval[2, ]), mean_without = interval[3, ], sd_without = exp(interval[4, ]),
    difference = exp(interval[5, ]), sd_with = exp(interval[6, ]))
  if (fit$convergence != 0) warning("the fit did not converge")
  shown
}
