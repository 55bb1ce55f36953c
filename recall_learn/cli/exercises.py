"""``recall-learn exercises``: practise."""

import argparse


def add(parser: argparse.ArgumentParser) -> None:
    """Its options."""
    parser.set_defaults(run=run)
    parser.add_argument("--answers", metavar="DIR", help="your answers (or RECALL_LEARN_ANSWERS; else answers/)")
    actions = parser.add_subparsers(dest="action", required=True, metavar="COMMAND")
    made = {
        name: actions.add_parser(name, help=about, description=f"{about[0].upper()}{about[1:]}.")
        for name, about in (
            ("list", "what there is, and what of it you have passed"),
            ("run", "begin an exercise, or look at your answer"),
            ("hint", "the next hint"),
            ("watch", "look at an answer whenever you save it"),
            ("solution", "the worked solution"),
            ("reset", "put the stub back; your answer is kept beside it"),
            ("progress", "what you have done, for you or, as JSON, for a teacher"),
            ("try", "for authors: what the solution, its mutants and the answers in some files are told"),
        )
    }
    for each in made.values():  # behind the command as well as before it
        each.add_argument("--answers", metavar="DIR", default=argparse.SUPPRESS, help=argparse.SUPPRESS)
    for name in ("hint", "solution", "reset", "try"):
        made[name].add_argument("name", metavar="NAME")
    made["try"].add_argument("files", metavar="FILE", nargs="*", help="answers, or folders of them; you trust them")
    made["list"].add_argument("--lesson", type=int, metavar="N", help="of one lesson only")
    made["run"].add_argument("names", metavar="NAME", nargs="*", help="none: every answer that you have begun")
    made["run"].add_argument("--report", metavar="FILE", help="write what was found, with points, as JSON")
    made["run"].add_argument("--require", metavar="N", type=int, default=0, help="succeed with N points or more")
    made["watch"].add_argument("name", metavar="NAME", nargs="?", help="none: the next one that is open")
    made["progress"].add_argument("--json", metavar="FILE", help="write it for a teacher")
    made["progress"].add_argument("--learner", metavar="WHO", default="", help="your name, for --json")


def run(options: argparse.Namespace) -> int:
    """Do what the action says."""
    from recall_learn.practice import command

    return command.run(options)
