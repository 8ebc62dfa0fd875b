"""Expressions, conditions and aggregates over the columns of a table, each with one right value in any engine.

Numbers with fractions are never tested for equality, divisions are by what is not 0, and the order of rows changes no result beyond rounding.
"""

PARTS = {"date": ["YEAR", "MONTH", "DAY", "DOY", "DOW", "QUARTER", "WEEK"], "clock": ["HOUR", "MINUTE", "DAY", "MONTH", "DOW", "YEAR"]}
PARTS["time"] = PARTS["clock"]
SPANS = ["1 day", "36 hours", "90 minutes", "1 month", "30 seconds", "2 weeks"]
ORDERS = ["", "", " ASC", " DESC", " DESC NULLS LAST", " NULLS FIRST", " DESC NULLS FIRST", " NULLS LAST"]


class Expressions:
    """Draws SQL with a random source `pick`."""

    def __init__(self, pick):
        self.pick = pick

    def some(self, items, low, high):
        items = list(items)
        return self.pick.sample(items, min(len(items), self.pick.randint(low, high)))

    def column(self, alias, column):
        return f"{alias}.{column.sql}" if alias else column.sql

    # Scalars: SQL and its kind.

    def scalar(self, alias, table, *kinds):
        """An expression of a column; with `kinds`, its kind is one of them."""
        for _ in range(30):
            sql, kind = self.expression(alias, self.pick.choice(table.columns))
            if not kinds or kind in kinds:
                return sql, kind
        column = self.pick.choice(table.of(*kinds) or table.of("text"))
        return self.column(alias, column), column.kind

    def expression(self, alias, column):
        c, kind = self.column(alias, column), column.kind
        if self.pick.random() < 0.35:
            return c, kind
        if column.values and self.pick.random() < 0.08 and kind != "real":
            v = self.pick.choice(column.values)
            return self.pick.choice([(f"NULLIF({c}, {v})", kind), (f"COALESCE({c}, {v})", kind),
            (f"CASE WHEN {c} = {v} THEN 'this' WHEN {c} IS NULL THEN 'none' ELSE 'other' END", "text")])
        return self.pick.choice(getattr(self, kind)(c))

    def text(self, c):
        n, word = self.pick.randint(1, 6), self.pick.choice(["a", "O", "e", "'", "0", " ", "_"]).replace("'", "''")
        return [
            (f"UPPER({c})", "text"), (f"LOWER({c})", "text"), (f"LENGTH({c})", "int"), (f"SUBSTR({c}, {n}, 3)", "text"), (f"SUBSTRING({c} FROM {n})", "text"),
            (f"LEFT({c}, {n})", "text"), (f"RIGHT({c}, {n})", "text"), (f"REPLACE({c}, '{word}', '+')", "text"), (f"STRPOS({c}, '{word}')", "int"),
            (f"POSITION('{word}' IN {c})", "int"), (f"TRIM({c})", "text"), (f"LPAD({c}, {n}, '*')", "text"), (f"RPAD({c}, {n + 4}, '.')", "text"),
            (f"{c} || '/' || {c}", "text"), (f"CONCAT({c}, '-', NULL, 'x')", "text"), (f"CONCAT_WS(', ', {c}, 'end')", "text"), (f"SPLIT_PART({c}, ' ', 1)", "text"),
            (f"STARTS_WITH({c}, '{word}')", "bool"), (f"{c} LIKE '%{word}%'", "bool"), (f"REGEXP_REPLACE({c}, '[0-9]', '#')", "text"),
            (f"COALESCE({c}, 'none')", "text"),
            (f"CASE WHEN {c} < 'M' THEN 'low' WHEN {c} >= 'M' THEN 'high' END", "text"), (f"REPEAT({c}, 2)", "text"),
            (f"REGEXP_MATCHES({c}, '[A-Z]+{word}')", "bool"),
        ]

    def int(self, c):
        n = self.pick.randint(2, 9)
        return [
            (f"{c} + {n}", "int"), (f"{c} * {n} - 5", "int"), (f"({n} - {c}) % 4", "int"), (f"{c} % {n}", "int"), (f"{c} // {n}", "int"), (f"{c} / {n}", "real"),
            (f"({n} - {c}) // {n}", "int"),
            (f"({n} - {c}) / 4", "real"), (f"-{c}", "int"), (f"ABS({c} - {n})", "int"), (f"CAST({c} AS VARCHAR)", "text"), (f"GREATEST({c}, {n})", "int"),
            (f"LEAST({c}, {n})", "int"),
            (f"COALESCE({c}, -1)", "int"), (f"CASE WHEN {c} > {n} THEN {c} - {n} ELSE {n} - {c} END", "int"), (f"{c} IS NULL", "bool"),
            (f"CAST({c} AS DOUBLE) / {n}", "real"), (f"{c}::VARCHAR || ' h'", "text"),
        ]

    def real(self, c):
        n = self.pick.randint(2, 9)
        return [
            (f"{c} * {n}", "real"), (f"{c} / {n}.3", "real"), (f"ABS({c} - {n})", "real"), (f"SQRT(ABS({c}))", "real"), (f"-{c} + 0.25", "real"),
            (f"COALESCE({c}, -1)", "real"),
            (f"CASE WHEN {c} >= {n}.0013 THEN 'high' WHEN {c} < {n}.0013 THEN 'low' ELSE 'unknown' END", "text"), (f"LN(ABS({c}) + 1)", "real"),
            (f"CAST(FLOOR({c}) AS BIGINT)", "int"),
            (f"CAST(CEIL({c}) AS BIGINT) % {n}", "int"), (f"POWER({c}, 2)", "real"), (f"{c} IS NOT NULL", "bool"), (f"{c} BETWEEN -{n}.0013 AND {n}.0013", "bool"),
        ]

    def date(self, c):
        part, span = self.pick.choice(PARTS["date"]), self.pick.choice(SPANS)
        return [
            (f"EXTRACT({part} FROM {c})", "int"), (f"{c} + INTERVAL '{span}'", "clock"), (f"{c} - INTERVAL '{span}'", "clock"),
            (f"DATE_TRUNC('month', {c})", "clock"), (f"{c} - DATE '2025-01-31'", "int"),
            (f"CAST({c} AS VARCHAR)", "text"), (f"STRFTIME({c}, '%Y-%m')", "text"), (f"DATE_DIFF('day', DATE '2025-01-01', {c})", "int"), (f"YEAR({c})", "int"),
            (f"MONTH({c})", "int"),
            (f"{c} >= '2025-01-01'", "bool"), (f"CAST({c} AS TIMESTAMP)", "clock"),
        ]

    def clock(self, c):
        part, span, unit = self.pick.choice(PARTS["clock"]), self.pick.choice(SPANS), self.pick.choice(["hour", "day", "month", "minute", "year"])
        return [
            (f"EXTRACT({part} FROM {c})", "int"), (f"{c} + INTERVAL '{span}'", "clock"), (f"{c} - INTERVAL '{span}'", "clock"),
            (f"DATE_TRUNC('{unit}', {c})", "clock"), (f"CAST({c} AS DATE)", "date"),
            (f"CAST({c} - INTERVAL '12 hours' AS DATE)", "date"), (f"STRFTIME({c}, '%H:%M')", "text"),
            (f"EXTRACT(EPOCH FROM ({c} - TIMESTAMP '2025-01-31 12:00:00'))", "real"), (f"HOUR({c})", "int"),
            (f"DATE_DIFF('{unit}', TIMESTAMP '2024-12-31 23:30:00', {c})", "int"), (f"{c} < TIMESTAMP '2025-01-31 00:00:00'", "bool"),
        ]

    time = clock

    def bool(self, c):
        return [(f"NOT {c}", "bool"), (f"CASE WHEN {c} THEN 1 ELSE 0 END", "int"), (f"{c} IS TRUE", "bool"), (f"CAST({c} AS INTEGER)", "int"),
        (f"{c} IS NOT FALSE", "bool"), (f"COALESCE({c}, FALSE)", "bool")]

    # Conditions.

    def condition(self, alias, table, depth=2):
        if depth and self.pick.random() < 0.35:
            one, other = (self.condition(alias, table, depth - 1) for _ in range(2))
            return f"({one} {self.pick.choice(['AND', 'OR', 'AND'])} {other})"
        if depth and self.pick.random() < 0.07:
            return f"NOT ({self.condition(alias, table, depth - 1)})"
        column = self.pick.choice(table.columns)
        c, values = self.column(alias, column), column.values
        if not values or self.pick.random() < 0.08:
            return f"{c} IS {self.pick.choice(['', 'NOT '])}NULL"
        one, other = sorted([self.pick.choice(values), self.pick.choice(values)], key=lambda v: float(v) if column.kind in ("int", "real") else v)
        compare = self.pick.choice(["<", "<=", ">", ">="])
        if column.kind == "real":
            return self.pick.choice([f"{c} {compare} {one}", f"{c} BETWEEN {one} AND {other}", f"{one} {compare} {c}", f"ABS({c}) {compare} {one}"])
        if column.kind == "bool":
            return self.pick.choice([c, f"NOT {c}", f"{c} IS NOT TRUE", f"{c} = FALSE", f"{c} <> {one}"])
        listed = ", ".join([*self.some(values, 1, 4), *["NULL"] * (self.pick.random() < 0.15)])
        ways = [f"{c} {compare} {one}", f"{c} = {one}", f"{c} <> {one}", f"{c} IN ({listed})", f"{c} NOT IN ({listed})", f"{c} BETWEEN {one} AND {other}", f"{c} NOT BETWEEN {one} AND {other}",
                f"{c} IS DISTINCT FROM {one}", f"COALESCE({c} = {one}, FALSE)"]
        if column.kind == "text":
            piece = self.pick.choice(["%a%", "P%", "%'%", "_O%", "%0_", "%水%", "%d", "%e%e%"]).replace("'", "''")
            ways += [f"{c} LIKE '{piece}'", f"{c} NOT LIKE '{piece}'", f"{c} ILIKE '{piece}'", f"LENGTH({c}) > 6"]
        if column.kind in PARTS:
            part = self.pick.choice(PARTS[column.kind])
            ways += [f"EXTRACT({part} FROM {c}) {compare} {self.pick.randint(1, 12)}", f"{c} {compare} {one.split(' ', 1)[1]}"]
        return self.pick.choice(ways)

    def where(self, alias, table, chance=0.7):
        return f" WHERE {self.condition(alias, table)}" if self.pick.random() < chance else ""

    # Aggregates and orders.

    def aggregate(self, alias, table):
        """An aggregate that does not depend on the order of rows, with its kind."""
        column = self.pick.choice(table.columns)
        c = self.column(alias, column)
        ways = [("COUNT(*)", "int"), (f"COUNT({c})", "int"), (f"COUNT(DISTINCT {c})", "int")]
        if column.kind != "bool":
            ways += [(f"MIN({c})", column.kind), (f"MAX({c})", column.kind)] * 2
        if column.kind == "int":
            ways += [(f"SUM({c})", "int"), (f"AVG({c})", "real"), (f"SUM({c} - 3)", "int"), (f"SUM(DISTINCT {c})", "int")]
        if column.kind == "real" and column.summable:
            ways += [(f"SUM({c})", "real"), (f"AVG({c})", "real"), (f"MEDIAN({c})", "real"), (f"QUANTILE_CONT({c}, 0.25)", "real"), (f"AVG({c} * 0.5)", "real"),
            (f"STDDEV_POP({c})", "real"), (f"VAR_POP({c})", "real")]
        if column.kind == "bool":
            ways += [(f"BOOL_OR({c})", "bool"), (f"BOOL_AND({c})", "bool"), (f"SUM(CASE WHEN {c} THEN 1 ELSE 0 END)", "int")]
        if column.kind == "text":
            ways += [(f"STRING_AGG(DISTINCT {c}, '|' ORDER BY {c})", "text"), (f"ARRAY_AGG({c} ORDER BY {c} NULLS LAST)", "list")]
        sql, kind = self.pick.choice(ways)
        if self.pick.random() < 0.2:
            sql += f" FILTER (WHERE {self.condition(alias, table, 1)})"
        return sql, kind

    def counts(self, alias, table):
        """Arithmetic of counts: differences below 0, remainders, whole and fractional quotients."""
        count = lambda: self.pick.choice(["COUNT(*)", f"COUNT({self.column(alias, self.pick.choice(table.columns))})", f"COUNT(*) FILTER (WHERE {self.condition(alias, table, 1)})"])
        one, other, n = count(), count(), self.pick.randint(2, 7)
        return self.pick.choice([
            (f"{one} - {other}", "int"), (f"({one} - {other}) % {n}", "int"), (f"({one} - 2 * {other}) // {n}", "int"), (f"{one} / NULLIF({other}, 0)", "real"),
            (f"{one} * 1.0 / NULLIF({other}, 0)", "real"),
            (f"ABS({one} - {other})", "int"), (f"-{one}", "int"), (f"({one} + {n}) % {n}", "int"), (f"({n} - {one}) / {n}", "real"), (f"SUM(1) - {one}", "int"),
        ])

    def order(self, names):
        """ORDER BY these names, in mixed directions."""
        return " ORDER BY " + ", ".join(f"{name}{self.pick.choice(ORDERS)}" for name in names)

    def sorted(self, names, chance=0.6):
        """Perhaps an order by some of the names."""
        return self.order(self.some(names, 1, len(names))) if self.pick.random() < chance else ""
