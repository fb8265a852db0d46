"""The pictures of docs/large-batch.md, drawn by gnuplot."""

import subprocess

import sweep

COLOURS = {"sgd": "#d1651f", "lars": "#1f6fb4"}
TITLES = {"sgd": "momentum SGD", "lars": "LARS"}
STYLE = """set grid lc rgb '#dddddd' lw 1 lt 1
set border 3 lc rgb '#444444'
set tics nomirror
set datafile separator whitespace
"""


def block(name, rows):
    """A gnuplot data block of rows of numbers."""
    return f"${name} << EOD\n" + "".join(" ".join(f"{x:.8g}" for x in row) + "\n" for row in rows) + "EOD\n"


def quoted(text):
    return "'" + str(text).replace("'", "''") + "'"


def accuracy_program(best):
    text = ""
    for optimizer in TITLES:
        rows = [(batch, best[batch, optimizer].mean, best[batch, optimizer].deviation) for batch in sweep.BATCHES]
        text += block(optimizer, rows)
    text += ("set logscale x 2\nset xlabel 'batch (images per step)'\nset ylabel 'test accuracy (%)'\n"
             f"set xtics ({', '.join(map(str, sweep.BATCHES))})\n"
             f"set xrange [{sweep.BATCHES[0] / 1.3}:{sweep.BATCHES[-1] * 1.3}]\nset offsets 0, 0, 0.2, 0.2\n"
             f"set key outside right center\nset title 'Best mean of {len(sweep.SEEDS)} seeds, with their deviation, "
             f"{sweep.EPOCHS} epochs'\n")
    plots = [f"${o} using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.7 lc rgb '{COLOURS[o]}' title '{TITLES[o]}'"
             for o in TITLES]
    return text + "plot " + ", ".join(plots) + "\n"


def best_variant(cells, batch, optimizer, rate):
    """The cell with the warm-up and weight decay that suit the learning rate best; None if every one diverged."""
    complete = [cell for variant in sweep.VARIANTS[batch] if (cell := cells[batch, optimizer, variant, rate]).complete]
    return max(complete, key=lambda cell: cell.mean, default=None)


def learning_rate_program(cells):
    text = (f"set multiplot layout 2,2 title 'Test accuracy by learning rate, mean and deviation of {len(sweep.SEEDS)} "
            "seeds'\nset logscale x\nset xlabel 'learning rate'\nset ylabel 'test accuracy (%)'\n"
            "set format x '%g'\nset key bottom left Left reverse samplen 1.5\nset xrange [0.01:300]\n")
    means = [cell.mean for cell in cells.values() if cell.complete]
    text += f"set yrange [{int(max(min(means), max(means) - 8))}:{int(max(means)) + 1}]\n"
    for batch in sweep.BATCHES:
        for optimizer in TITLES:
            row = [best_variant(cells, batch, optimizer, rate) for rate in sweep.LEARNING_RATES[batch][optimizer]]
            text += block(f"{optimizer}{batch}", [(cell.run.learning_rate, cell.mean, cell.deviation) for cell in row
                                                  if cell])
        text += f"set title 'batch {batch}'\n"
        plots = [f"${o}{batch} using 1:2:3 with yerrorlines lw 2 pt 7 ps 0.5 lc rgb '{COLOURS[o]}' title '{TITLES[o]}'"
                 for o in TITLES]
        text += "plot " + ", ".join(plots) + "\n"
    return text + "unset multiplot\n"


def training_program(best, folder):
    batch = sweep.BATCHES[-1]
    text = (f"set datafile separator ','\nset multiplot layout 2,1 title 'Batch {batch}, the best learning rate of each "
            "optimizer'\nset key outside right center\nset xrange [0:]\nset xlabel 'epoch'\n")
    for label, scale, training, test in (
            ("cross-entropy (nats)", "set logscale y\nset yrange [0.2:3]\nset ytics (0.2, 0.3, 0.5, 1, 2, 3)", "$2", "$4"),
            ("accuracy (%)", "unset logscale y\nset yrange [70:95]\nset ytics 5", "(100*$3)", "(100*$5)")):
        plots = []
        for o in TITLES:
            file = quoted(folder / best[batch, o].run.folder() / "history.csv")
            for column, dash, title in ((training, 3, "training"), (test, 1, "test")):
                plots.append(f"{file} using 1:({column}) skip 1 with lines lw 2 dt {dash} lc rgb '{COLOURS[o]}' title "
                             f"'{TITLES[o]}, {title}'")
        text += f"set ylabel '{label}'\n{scale}\nplot " + ", ".join(plots) + "\n"
    return text + "unset multiplot\n"


def trust_ratio_program(best, folder):
    cell = best[sweep.BATCHES[-1], "lars"]
    file = folder / cell.run.folder() / "steps.csv"
    with open(file) as stream:
        columns = stream.readline().strip().split(",")
    plots = [f"{quoted(file)} using 1:{i} skip 1 with lines lw 2 title {quoted(column.split(':')[1])}"
             for i, column in enumerate(columns, 1) if column.startswith("trust_ratio:")]
    return (f"set datafile separator ','\nset title 'LARS, batch {cell.run.batch}, learning rate "
            f"{cell.run.learning_rate:g}'\nset key outside right center\nset logscale y\nset format y '10^{{%L}}'\n"
            "set xrange [0:]\nset xlabel 'step'\nset ylabel 'trust ratio'\nplot " + ", ".join(plots) + "\n")


def draw_one(name, size, program, images, image_format):
    terminal = (f"pngcairo size {size} font 'Sans,11'" if image_format == "png"
                else f"svg size {size} font 'Sans,13' background 'white'")
    file = images / f"{name}.{image_format}"
    text = f"set terminal {terminal}\nset output {quoted(file)}\n{STYLE}{program}"
    subprocess.run(["gnuplot"], input=text, text=True, check=True)


def draw(cells, best, folder, images, image_format):
    draw_one("large-batch-accuracy", "760,420", accuracy_program(best), images, image_format)
    draw_one("large-batch-learning-rate", "960,720", learning_rate_program(cells), images, image_format)
    draw_one("large-batch-training", "900,640", training_program(best, folder), images, image_format)
    draw_one("large-batch-trust-ratio", "900,420", trust_ratio_program(best, folder), images, image_format)
