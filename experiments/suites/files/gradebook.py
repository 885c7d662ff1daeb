"""Marks of a course: weighted, the worst quiz dropped, rounded as the school rounds."""


class MarkError(Exception):
    """A mark that cannot be entered; `student` and `kind` say which."""

    def __init__(self, message, student, kind):
        super().__init__(message)
        self.student = student
        self.kind = kind


class Gradebook:
    """Quizzes count 40 parts, the project 20, the exam 40."""

    KINDS = ("quiz", "project", "exam")

    def __init__(self):
        self._marks = {}

    def enter(self, student, kind, points):
        """Keep a mark of 0 to 100 points; a second project or exam replaces the first."""
        if kind not in self.KINDS:
            raise MarkError("no such kind of mark", student, kind)
        if not 0 <= points <= 100:
            raise MarkError("points lie between 0 and 100", student, kind)
        marks = self._marks.setdefault(student, {"quiz": [], "project": [], "exam": []})
        if kind == "quiz":
            marks[kind].append(points)
        else:
            marks[kind] = [points]

    def quiz_mean(self, student):
        """The mean of the quizzes; with three or more, the lowest does not count."""
        quizzes = sorted(self._of(student)["quiz"])
        if not quizzes:
            raise MarkError("no quiz yet", student, "quiz")
        counted = quizzes[1:] if len(quizzes) >= 3 else quizzes
        return sum(counted) / len(counted)

    def final(self, student):
        """Whole points; a half is rounded up."""
        marks = self._of(student)
        for kind in ("project", "exam"):
            if not marks[kind]:
                raise MarkError(f"no {kind} yet", student, kind)
        points = 40 * self.quiz_mean(student) + 20 * marks["project"][0] + 40 * marks["exam"][0]
        return int(points / 100 + 0.5)

    def passed(self):
        """Names of those with 50 points or more, best first, then by name."""
        finals = [(-self.final(name), name) for name in self._marks]
        return [name for points, name in sorted(finals) if points <= -50]

    def _of(self, student):
        if student not in self._marks:
            raise MarkError("unknown student", student, None)
        return self._marks[student]
