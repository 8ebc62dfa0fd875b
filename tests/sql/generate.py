"""Questions from a seed, each with one right answer: `questions(world, seed, count)`.

What a question asks is drawn from the run's own tables, columns and values. An answer never depends on the order in which rows are met:
windows and limits go by orders that end with the table's key.
"""

import random

from expressions import Expressions
from windows import Windows

# Rows that a join may give: DuckDB and chorus answer such within a second.
MOST_ROWS = 100_000
# Rows of a table up to which a question is of nested loops.
SMALL = 1_000


class Generator:
    """Questions over a world's tables."""

    def __init__(self, world, seed):
        self.world, self.pick = world, random.Random(seed)
        self.e = Expressions(self.pick)
        self.w = Windows(self.e)
        self.kinds = {
            "plain": self.plain, "group": self.group, "cube": self.cube, "join": self.join, "selfjoin": self.self_join, "window": lambda: self.w.question(self.table()),
            "subquery": self.subquery, "scalar": self.scalar, "quantified": self.quantified, "cte": self.cte, "set": self.sets, "counts": self.counts, "nested": self.nested,
        }
        self.weights = [4, 4, 1, 5, 2, 6, 4, 2, 1, 2, 3, 3, 2]

    def question(self):
        """A kind and its question."""
        kind = self.pick.choices(list(self.kinds), self.weights)[0]
        return kind, self.kinds[kind]()

    def table(self, most=None):
        tables = [t for t in self.world.tables if t.of("text") and (most is None or t.rows <= most)]
        # Large tables are what people ask about; the others have more kinds of columns.
        return self.pick.choices(tables, [1 + (t.rows > 200) for t in tables])[0]

    def keys(self, alias, table, low=1, high=2):
        """Expressions to group by, without fractions."""
        return [self.e.scalar(alias, table, "text", "int", "date", "bool")[0] for _ in range(self.pick.randint(low, high))]

    def aggregates(self, alias, table, low=1, high=3):
        return [self.e.aggregate(alias, table)[0] for _ in range(self.pick.randint(low, high))]

    def select(self, keys, measures, source, tail=""):
        """A grouped question."""
        listed = [f"{k} AS k{i}" for i, k in enumerate(keys)] + [f"{m} AS m{i}" for i, m in enumerate(measures)]
        by = self.pick.choice([", ".join(keys), ", ".join(f"{i + 1}" for i in range(len(keys)))]) if keys else ""
        return f"SELECT {', '.join(listed)} FROM {source}{f' GROUP BY {by}' if by else ''}{tail}"

    def plain(self):
        table = self.table()
        alias = self.pick.choice(["", "a"])
        if self.pick.random() < 0.25:
            columns = list(dict.fromkeys([*self.e.some(table.columns, 1, 3), *table.key]))
            limit = f" LIMIT {self.pick.randint(1, 20)}" + self.pick.choice(["", f" OFFSET {self.pick.randint(0, 9)}"])
            names = [self.e.column(alias, c) for c in columns]
            return f"SELECT {', '.join(names)} FROM {table.name} {alias}{self.e.where(alias, table)}{self.e.order(names)}{limit}"
        distinct = self.pick.random() < 0.25
        kinds = ("text", "int", "date", "bool") if distinct else ()
        shown = [self.e.scalar(alias, table, *kinds)[0] for _ in range(self.pick.randint(1, 4))]
        names = [f"c{i}" for i in range(len(shown))]
        listed = ", ".join(f"{sql} AS {name}" for sql, name in zip(shown, names))
        return f"SELECT {'DISTINCT ' if distinct else ''}{listed} FROM {table.name} {alias}{self.e.where(alias, table)}{self.e.sorted(names)}"

    def group(self):
        table = self.table()
        keys, measures = self.keys("a", table, 0, 3), self.aggregates("a", table)
        having = self.pick.choice(["", "", " HAVING COUNT(*) > 1", f" HAVING COUNT({self.e.column('a', self.pick.choice(table.columns))}) % 3 <> 1"])
        return self.select(keys, measures, f"{table.name} a{self.e.where('a', table)}", having + self.e.sorted([f"k{i}" for i in range(len(keys))] or ["m0"]))

    def cube(self):
        table = self.table()
        columns = [self.e.column("a", c) for c in self.e.some(table.of("text", "int", "date"), 2, 3)]
        listed = ", ".join(columns)
        sets = self.pick.choice([f"ROLLUP ({listed})", f"CUBE ({listed})", f"GROUPING SETS (({listed}), ({columns[0]}), ())", f"GROUPING SETS (({columns[0]}), ({', '.join(columns[1:])}))"])
        grouping = self.pick.choice(["", f", GROUPING({columns[0]}) AS g"])
        measures = ", ".join(f"{m} AS m{i}" for i, m in enumerate(self.aggregates("a", table)))
        return f"SELECT {listed}{grouping}, {measures} FROM {table.name} a{self.e.where('a', table, 0.4)} GROUP BY {sets}"

    def counts(self):
        table = self.table()
        keys = self.keys("a", table, 0, 2)
        measures = [self.e.counts("a", table)[0] for _ in range(self.pick.randint(1, 3))]
        return self.select(keys, measures, f"{table.name} a{self.e.where('a', table, 0.3)}", self.e.sorted([f"k{i}" for i in range(len(keys))] or ["m0"]))

    def pair(self):
        """Two tables and the names of columns that both have, by which their join is not too large."""
        while True:
            one, other = self.table(), self.table()
            names = [c.name for c in one.of("text", "int", "date") if c.name != "model_id" and any((d.name, d.kind) == (c.name, c.kind) for d in other.columns)]
            if one.name == other.name or not names:
                continue
            used = tuple(sorted(self.e.some(names, 1, 3)))
            quoted = tuple(f'"{name}"' for name in used)
            if self.world.fanout(one.name, other.name, quoted) + one.rows + other.rows <= MOST_ROWS:
                return one, other, quoted

    def join(self):
        one, other, names = self.pair()
        how = self.pick.choice(["JOIN", "INNER JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "FULL OUTER JOIN", "SEMI JOIN", "ANTI JOIN"])
        using = self.pick.random() < 0.35
        equal = [f"a.{n} = b.{n}" if self.pick.random() < 0.9 else f"b.{n} = a.{n}" for n in names]
        if "FULL" not in how and not using and self.pick.random() < 0.4:
            equal.append(self.e.condition(*self.pick.choice([("a", one), ("b", other)]), 1))
        source = f"{one.name} a {how} {other.name} b " + (f"USING ({', '.join(names)})" if using else f"ON {' AND '.join(equal)}")
        half = how in ("SEMI JOIN", "ANTI JOIN")
        where = self.e.where(*self.pick.choice([("a", one), ("a", one) if half else ("b", other)]), 0.4)
        side = lambda: ("a", one) if half or self.pick.random() < 0.5 else ("b", other)
        if self.pick.random() < 0.5:
            keys = self.keys(*side(), 0, 2)
            return self.select(keys, self.aggregates(*side()), source + where, self.e.sorted([f"k{i}" for i in range(len(keys))] or ["m0"]))
        shown = [self.e.scalar(*side())[0] for _ in range(self.pick.randint(1, 4))]
        # With USING, the column has no side.
        shown += [n for n in names if using][: self.pick.randint(0, 1)]
        return f"SELECT {', '.join(f'{sql} AS c{i}' for i, sql in enumerate(shown))} FROM {source}{where}{self.e.sorted([f'c{i}' for i in range(len(shown))])}"

    def self_join(self):
        while True:
            table = self.table()
            names = tuple(c.sql for c in self.e.some(table.of("text", "int", "date"), 1, 3))
            if self.world.fanout(table.name, table.name, names) <= MOST_ROWS:
                break
        extra = self.pick.choice(table.of("int", "date", "real", "text"))
        on = " AND ".join([*(f"a.{n} = b.{n}" for n in names), f"a.{extra.sql} {self.pick.choice(['<', '<=', '<>', '>'])} b.{extra.sql}"])
        source = f"{table.name} a {self.pick.choice(['JOIN', 'LEFT JOIN'])} {table.name} b ON {on}{self.e.where('a', table, 0.5)}"
        return self.select(self.keys("a", table, 0, 2), self.aggregates("b", table), source)

    def inner(self, table, column, correlated=""):
        """A subquery of one column."""
        conditions = [c for c in (correlated, self.e.condition("b", table, 1) if self.pick.random() < 0.6 else "") if c]
        return f"SELECT {self.e.column('b', column)} FROM {table.name} b" + (f" WHERE {' AND '.join(conditions)}" if conditions else "")

    def subquery(self):
        """EXISTS, IN and their negations, with and without correlation."""
        one, other, names = self.pair()
        matched = " AND ".join(f"b.{n} = a.{n}" for n in names)
        column = next(c for c in other.columns if f'"{c.name}"' == names[0])
        negated = self.pick.choice(["", "NOT "])
        test = self.pick.choice([
            f"{negated}EXISTS ({self.inner(other, column, matched)})", f"a.{names[0]} {negated}IN ({self.inner(other, column)})",
            f"a.{names[0]} {negated}IN ({self.inner(other, column, matched)})", f"EXISTS ({self.inner(other, column, matched)}) IS {negated}TRUE",
        ])
        glue = self.pick.choice(["{}", "{}", "({} AND {})", "({} OR {})"])
        where = glue.format(test, self.e.condition("a", one, 0))
        shown = [self.e.column("a", c) for c in self.e.some(one.columns, 1, 3)]
        if self.pick.random() < 0.4:
            return f"SELECT COUNT(*) AS n, COUNT(DISTINCT {shown[0]}) AS k FROM {one.name} a WHERE {where}"
        return f"SELECT {', '.join(f'{sql} AS c{i}' for i, sql in enumerate(shown))} FROM {one.name} a WHERE {where}{self.e.sorted([f'c{i}' for i in range(len(shown))])}"

    def scalar(self):
        """Subqueries of one value, in SELECT or WHERE, with and without correlation, and LATERAL."""
        one, other, names = self.pair()
        matched = " AND ".join(f"b.{n} = a.{n}" for n in names)
        measure = self.e.aggregate("b", other)[0]
        shown = [self.e.column("a", c) for c in self.e.some(one.columns, 1, 2)]
        value = f"(SELECT {measure} FROM {other.name} b WHERE {matched})"
        style = self.pick.random()
        if style < 0.4:
            return f"SELECT {', '.join(shown)}, {value} AS v FROM {one.name} a{self.e.where('a', one, 0.5)}"
        if style < 0.6:
            return f"SELECT {', '.join(shown)} FROM {one.name} a WHERE (SELECT COUNT(*) FROM {other.name} b WHERE {matched}) {self.pick.choice(['>', '=', '<='])} {self.pick.randint(0, 3)}"
        if style < 0.8:
            numbers = [c for c in one.columns if c.kind == "int"] or [one.of("text")[0]]
            column = self.pick.choice(numbers)
            extreme = f"SELECT {self.pick.choice(['MAX', 'MIN'])}(c.{column.sql}) FROM {one.name} c WHERE c.{shown[0][2:]} = {shown[0]}"
            return f"SELECT {', '.join(shown)} FROM {one.name} a WHERE a.{column.sql} {self.pick.choice(['>', '=', '<='])} ({extreme})"
        if style < 0.9:
            return f"SELECT {', '.join(shown)}, t.v FROM {one.name} a, LATERAL (SELECT {measure} AS v FROM {other.name} b WHERE {matched}) AS t"
        return f"SELECT {', '.join(shown)}, (SELECT {measure} FROM {other.name} b) AS v FROM {one.name} a"

    def quantified(self):
        """Comparisons with ANY and ALL of a subquery."""
        table = self.table(SMALL)
        column = self.pick.choice(table.of("int", "date", "text"))
        how = f"{self.pick.choice(['<', '<=', '>', '>=', '<>', '='])} {self.pick.choice(['ANY', 'ALL'])}"
        return f"SELECT a.{column.sql}, COUNT(*) AS n FROM {table.name} a WHERE a.{column.sql} {how} ({self.inner(table, column)}) GROUP BY a.{column.sql}"

    def cte(self):
        one, other, names = self.pair()
        listed = ", ".join(names)
        groups = [f"SELECT {listed}, {self.e.aggregate('', t)[0]} AS m FROM {t.name}{self.e.where('', t, 0.5)} GROUP BY {listed}" for t in (one, other)]
        how = self.pick.choice(["JOIN", "LEFT JOIN", "FULL JOIN"])
        tail = self.pick.choice(["", f" WHERE g.{names[0]} IS NOT NULL", f"{self.e.order([f'g.{n}' for n in names])}"])
        if self.pick.random() < 0.25:
            rising = f"SELECT {self.pick.randint(-3, 3)} UNION ALL SELECT n + {self.pick.randint(1, 4)} FROM t WHERE n < {self.pick.randint(5, 40)}"
            return f"WITH RECURSIVE t(n) AS ({rising}) SELECT n, (SELECT COUNT(*) FROM {one.name}) AS k FROM t ORDER BY n"
        on = " AND ".join(f"g.{n} = h.{n}" for n in names)
        return f"WITH g AS ({groups[0]}), h AS ({groups[1]}) SELECT {', '.join(f'g.{n}' for n in names)}, g.m AS m0, h.m AS m1 FROM g {how} h ON {on}{tail}"

    def sets(self):
        one, other, names = self.pair()
        shown = list(names)
        extra = [self.e.scalar("", t, "int")[0] for t in (one, other)] if one.of("int") and other.of("int") and self.pick.random() < 0.4 else None
        sides = [f"SELECT {', '.join([*shown, *([f'CAST({extra[i]} AS BIGINT) AS v'] if extra else [])])} FROM {t.name}{self.e.where('', t)}" for i, t in enumerate((one, other))]
        how = lambda: self.pick.choice(["UNION", "UNION ALL", "EXCEPT", "INTERSECT", "EXCEPT ALL", "INTERSECT ALL"])
        question = f"{sides[0]} {how()} {sides[1]}"
        if self.pick.random() < 0.3:
            question = f"({question}) {how()} {self.pick.choice(sides)}"
        if self.pick.random() < 0.3:
            return f"SELECT COUNT(*) AS n, COUNT(DISTINCT {names[0]}) AS k FROM ({question}) AS t"
        return question + self.e.sorted(names)

    def nested(self):
        """A question about the answer of a question."""
        table = self.table()
        keys, measure = self.keys("a", table, 2, 2), self.e.aggregate("a", table)
        inner = self.select(keys, [measure[0], "COUNT(*)"], f"{table.name} a{self.e.where('a', table, 0.5)}")
        outer = self.pick.choice(["MAX(m1) - MIN(m1)", "SUM(m1)", "AVG(m1)", "COUNT(DISTINCT k1)", "COUNT(*) FILTER (WHERE m1 > 1)", "MIN(m0)" if measure[1] not in ("list", "bool") else "COUNT(m0)"])
        return f"SELECT k0, {outer} AS v FROM ({inner}) AS t GROUP BY k0{self.e.sorted(['k0', 'v'])}"


def questions(world, seed, count):
    """So many kinds and questions. Question i of a seed is the same whatever the count."""
    for number in range(count):
        yield Generator(world, f"{seed} {number}").question()
