"""Window functions whose order tells all rows apart, or whose value is the same for rows of equal place."""


class Windows:
    """Draws window functions over a table's rows."""

    def __init__(self, expressions):
        self.e, self.pick = expressions, expressions.pick

    def partition(self, table):
        columns = [c for c in table.columns if c.kind in ("text", "int", "date", "bool")]
        return [self.e.column("a", c) for c in self.e.some(columns, 0, 2)]

    def over(self, table, frame="", total=True):
        """The window in words: parted, and in an order that ends with the key, so that only equal rows share a place."""
        parts = self.partition(table)
        keys = [self.e.column("a", c) for c in table.key]
        self.pick.shuffle(keys)
        first = self.e.some([self.e.column("a", c) for c in table.of("int", "date", "text", "real", "time")], 0, 2)
        names = [*first, *(k for k in keys if k not in first)] if total else first or keys[:1]
        parted = "PARTITION BY " + ", ".join(parts) if parts else ""
        return f"{parted}{self.e.order(names)} {frame}".strip()

    def frame(self):
        n, m = self.pick.randint(0, 4), self.pick.randint(0, 4)
        ends = self.pick.choice([
            f"BETWEEN {n} PRECEDING AND CURRENT ROW", f"BETWEEN {n} PRECEDING AND {m} FOLLOWING", "UNBOUNDED PRECEDING", f"BETWEEN CURRENT ROW AND {m} FOLLOWING", f"{n} PRECEDING",
            f"BETWEEN {n + m} PRECEDING AND {n} PRECEDING", f"BETWEEN {n} FOLLOWING AND UNBOUNDED FOLLOWING", "BETWEEN UNBOUNDED PRECEDING AND UNBOUNDED FOLLOWING",
        ])
        return f"ROWS {ends}"

    def function(self, table):
        column, text = (self.e.column("a", self.pick.choice(columns)) for columns in (table.columns, table.of("text")))
        whole = [self.e.column("a", c) for c in table.columns if c.kind == "int" or c.kind == "real" and c.summable] or [f"LENGTH({text})"]
        number, n = self.pick.choice(whole), self.pick.randint(1, 4)
        kind = self.pick.random()
        if kind < 0.4:
            return f"{self.pick.choice([f'SUM({number})', f'AVG({number})', f'COUNT({column})', 'COUNT(*)', f'MAX({number})', f'MIN({column})'])} OVER", self.pick.choice([True, True, False])
        if kind < 0.65:
            call = self.pick.choice(["ROW_NUMBER()", f"NTILE({n + 1})", f"LAG({column})", f"LEAD({column}, {n})", f"LAG({number}, {n}, 0)", f"{number} - LAG({number})"])
            return f"{call} OVER", None
        if kind < 0.8:
            return f"{self.pick.choice(['RANK()', 'DENSE_RANK()', 'PERCENT_RANK()', 'CUME_DIST()'])} OVER", "rank"
        call = self.pick.choice([f"FIRST_VALUE({column})", f"LAST_VALUE({column})", f"NTH_VALUE({column}, {n})"])
        return f"{call} OVER", True

    def call(self, table, tied=False):
        """A window function with its window; with `tied`, one that gives equal rows the same value."""
        while True:
            call, frame = self.function(table)
            if not tied or frame in ("rank", False):
                break
        if frame == "rank":
            return f"{call} ({self.over(table, total=False)})"
        if frame is False:
            return f"{call} ({self.ranged(table)})"
        return f"{call} ({self.over(table, self.frame() if frame and self.pick.random() < 0.8 else '')})"

    def ranged(self, table):
        """A frame by value: its rows are the same in whatever order equal ones come."""
        n, m = self.pick.randint(0, 5), self.pick.randint(0, 5)
        days, numbers = table.of("date", "clock", "time"), table.of("int")
        parts = self.partition(table)
        parted = "PARTITION BY " + ", ".join(parts) if parts else ""
        if days and self.pick.random() < 0.5:
            key, unit = self.pick.choice(days), self.pick.choice(["day", "month", "hour"])
            ends = f"RANGE BETWEEN INTERVAL '{n} {unit}' PRECEDING AND INTERVAL '{m} {unit}' FOLLOWING"
        elif numbers and self.pick.random() < 0.7:
            key, ends = self.pick.choice(numbers), f"RANGE BETWEEN {n} PRECEDING AND {m} FOLLOWING"
        else:
            key, ends = self.pick.choice(table.columns), self.pick.choice(["", "RANGE BETWEEN UNBOUNDED PRECEDING AND CURRENT ROW", f"GROUPS BETWEEN {n} PRECEDING AND {m} FOLLOWING", "RANGE CURRENT ROW"])
        return f"{parted}{self.e.order([self.e.column('a', key)])} {ends}".strip()

    def question(self, table):
        """A whole question: rows with one or two window functions, sometimes with names, over groups, or of which some are kept."""
        shown = [self.e.column("a", c) for c in self.e.some(table.columns, 1, 3)]
        source = f"{table.name} a{self.e.where('a', table, 0.4)}"
        style = self.pick.random()
        if style < 0.2:
            length = f"LENGTH({self.e.column('a', table.of('text')[0])})"
            measure = self.pick.choice(["COUNT(*)", f"SUM({length})", f"MAX({length})", f"AVG({length})"])
            return f"SELECT {', '.join(shown)}, ROW_NUMBER() OVER w AS w0, {measure} OVER w AS w1 FROM {source} WINDOW w AS ({self.over(table)})"
        if style < 0.35:
            return f"SELECT {', '.join(shown)} FROM {source} QUALIFY ROW_NUMBER() OVER ({self.over(table)}) <= {self.pick.randint(1, 3)}"
        if style < 0.5:
            key = self.pick.choice([self.e.column("a", c) for c in table.of("text", "date", "int")])
            way = self.pick.choice([
                "SUM(n) OVER (ORDER BY k NULLS FIRST)", "LAG(n) OVER (ORDER BY k)", "n - LAG(n, 1, 0) OVER (ORDER BY k DESC)", "RANK() OVER (ORDER BY n DESC)",
                "n * 1.0 / SUM(n) OVER ()", "AVG(n) OVER (ORDER BY k ROWS BETWEEN 2 PRECEDING AND CURRENT ROW)",
            ])
            return f"SELECT k, n, {way} AS w0 FROM (SELECT {key} AS k, COUNT(*) AS n FROM {source} GROUP BY {key}) AS t{self.e.sorted(['k', 'n'])}"
        # Equal rows may come in one order in one window and in another in the next, so that only one may tell them apart.
        calls = ", ".join(f"{self.call(table, i > 0)} AS w{i}" for i in range(self.pick.randint(1, 2)))
        listed, names = (", ".join(f"{c} AS c{i}" for i, c in enumerate(shown)), [f"c{i}" for i in range(len(shown))])
        return f"SELECT {listed}, {calls} FROM {source}{self.e.sorted(names)}"
